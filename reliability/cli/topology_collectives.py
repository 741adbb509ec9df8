"""``reliability topology step``: how much longer a training step takes on a damaged network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reliability.cli.fabric_option import FabricOption, SetOption, lake_of, settings_of
from reliability.cli.options import DEFAULT_LAKE, CsvOption, JsonOption, LakeOption
from reliability.cli.output import note, notes, print_answer, print_table
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from models.collectives.volumes import Sharding
    from reliability.analyses.collectives import StepChanges


def register(topology: typer.Typer) -> None:
    """Add the command."""
    topology.command()(step)


def step(
    model: Annotated[
        str,
        typer.Option(
            "--model", metavar="NAME|FILE", help="A published model (llama-3.1-405b) or a Hugging Face config.json."
        ),
    ],
    gpus: Annotated[int, typer.Option("--gpus", min=1, help="GPUs of the run.")],
    fabric: FabricOption,
    given: SetOption = None,
    component: Annotated[
        list[str] | None,
        typer.Option("--component", metavar="CLASS", help="What is lost: nic-port, tor, agg, …; default each class."),
    ] = None,
    adaptive_routing: Annotated[
        bool | None,
        typer.Option(
            "--adaptive-routing/--no-adaptive-routing",
            help="Whether traffic moves aside; default both.",
        ),
    ] = None,
    tp: Annotated[int | None, typer.Option("--tp", min=1, help="Tensor parallelism; default 8, in a domain.")] = None,
    pp: Annotated[
        int | None, typer.Option("--pp", min=1, help="Pipeline stages; default until weights and gradients fit 20 GB.")
    ] = None,
    dp: Annotated[int | None, typer.Option("--dp", min=1, help="Data parallelism; default the rest.")] = None,
    ep: Annotated[int, typer.Option("--ep", min=1, help="Expert parallelism, out of --dp.")] = 1,
    sequences: Annotated[
        int | None,
        typer.Option("--sequences", min=1, help="Sequences per step; default 16 per pipeline."),
    ] = None,
    sequence_tokens: Annotated[int, typer.Option("--sequence-tokens", min=1, help="Tokens of a sequence.")] = 8192,
    micro_batch: Annotated[int, typer.Option("--micro-batch", min=1, help="Sequences of a micro-batch.")] = 1,
    virtual_stages: Annotated[
        int | None,
        typer.Option("--virtual-stages", min=1, help="Parts of the pipeline per rank; default the fastest."),
    ] = None,
    sharding: Annotated[
        str,
        typer.Option(
            "--sharding",
            metavar="WHAT",
            help="What data-parallel ranks share: none, optimizer (ZeRO-1), full (FSDP).",
        ),
    ] = "optimizer",
    data_exposed_share: Annotated[
        float,
        typer.Option(
            "--data-exposed-share",
            min=0.0,
            max=1.0,
            help="Share of data-parallel traffic that nothing hides.",
        ),
    ] = 1.0,
    pxn: Annotated[bool, typer.Option("--pxn/--no-pxn", help="All-to-alls go along the rails, bundled.")] = True,
    gpu: Annotated[str, typer.Option("--gpu", metavar="MODEL", help="h100 or a100: NVLink and peak.")] = "h100",
    efficiency: Annotated[
        float, typer.Option("--efficiency", min=0.01, max=1.0, help="Share of the peak reached while computing.")
    ] = 0.5,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """How much longer a training step takes when a port, link, switch, rail or plane is lost."""
    from models.collectives.losses import domain_gpus  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.collectives import step_changes, training_layout, with_room  # noqa: PLC0415
    from reliability.analyses.fabric import fabric_of  # noqa: PLC0415
    from reliability.analyses.plan_model import model_architecture  # noqa: PLC0415

    architecture = model_architecture(model)
    built = fabric_of(fabric, with_room(fabric, settings_of(given), gpus), lake_of([fabric], lake))
    found = step_changes(
        built,
        model,
        architecture,
        training_layout(
            architecture, gpus, tensor=tp, pipeline=pp, data=dp, expert=ep, gpus_per_domain=domain_gpus(built)
        ),
        kinds=component or (),
        adaptive_routing=adaptive_routing,
        sequences=sequences,
        sequence_tokens=sequence_tokens,
        micro_batch=micro_batch,
        virtual_stages=virtual_stages,
        sharding=_sharding(sharding),
        data_exposed_share=data_exposed_share,
        pxn=pxn,
        gpu=gpu,
        efficiency=efficiency,
    )
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
        return
    _print(found)


def _print(found: StepChanges) -> None:
    hidden = ("definition", "warnings", "volumes", "rows")
    shown = {name: value for name, value in found.document().items() if name not in hidden}
    print_table([{"quantity": name, "value": value} for name, value in shown.items()])
    print()
    print_table(found.volume_rows(), title="what a rank of the fullest stage moves in a step")
    print()
    print_table(found.rows(), title="the step when one is lost")
    note(found.document()["definition"])
    notes(f"warning: {warning}" for warning in found.warnings)


def _sharding(text: str) -> Sharding:
    from models.collectives.volumes import SHARDINGS  # noqa: PLC0415 - keeps --help instant

    for known in SHARDINGS:
        if text == known:
            return known
    raise BadOptionError("--sharding", text, f"one of {', '.join(SHARDINGS)}")
