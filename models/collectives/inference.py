"""What tensor and pipeline parallelism move while a model answers one request."""

from __future__ import annotations

from dataclasses import dataclass

from models.guards import checked_count, checked_positive
from models.transformer.architecture import Architecture


@dataclass(frozen=True, slots=True)
class InferenceVolumes:
    """Messages of one request.

    Parameters
    ----------
    all_reduces_per_pass : int
        All-reduces in one forward pass: two per layer, and one after the split embedding.
    prefill_all_reduces, decode_all_reduces : int
        Over the whole request.
    prefill_message_bytes, decode_message_bytes : int
        Size of each.
    gathers : int
        Gathers of logits: one per generated token.
    gather_elements_per_rank : int
        Numbers that each rank brings to it.
    ring_bytes_per_gpu : float
        Bytes that a GPU sends in all all-reduces, over a ring.
    sends : int
        Hand-overs between pipeline stages, of one hidden state each.
    """

    all_reduces_per_pass: int
    prefill_all_reduces: int
    decode_all_reduces: int
    prefill_message_bytes: int
    decode_message_bytes: int
    gathers: int
    gather_elements_per_rank: int
    ring_bytes_per_gpu: float
    sends: int


def inference_volumes(
    architecture: Architecture,
    *,
    tensor: int,
    prompt_tokens: int,
    generated_tokens: int,
    pipeline: int = 1,
    activation_bytes: int = 2,
) -> InferenceVolumes:
    """Count the messages of one request, served alone.

    Parameters
    ----------
    architecture : Architecture
        The model.
    tensor, pipeline : int
        Degrees of parallelism.
    prompt_tokens, generated_tokens : int
        Length of the prompt and of the answer, whose first token comes from the pass over the prompt.
    activation_bytes : int
        Bytes of a number that is sent.

    Raises
    ------
    NotACountError, NotPositiveError
        A size cannot be.

    Notes
    -----
    Structure of Megatron-LM and vLLM, as characterised in arXiv 2507.14392: 2 L + 1 all-reduces of tokens × h numbers
    per pass, a ring sends 2 (t - 1) / t of each. All-reduces are those of the stages together; a rank of a pipeline
    stage takes part in its own layers' only.

    Examples
    --------
    >>> from models.transformer import architecture_preset
    >>> found = inference_volumes(
    ...     architecture_preset("llama-3.1-8b"), tensor=4, prompt_tokens=128, generated_tokens=128
    ... )
    >>> found.all_reduces_per_pass, found.decode_all_reduces, found.gather_elements_per_rank
    (65, 8255, 32064)
    >>> round(found.ring_bytes_per_gpu / 1e6, 1)
    203.7
    """
    for name, value in (
        ("tensor", tensor),
        ("pipeline", pipeline),
        ("prompt_tokens", prompt_tokens),
        ("generated_tokens", generated_tokens),
        ("activation_bytes", activation_bytes),
    ):
        checked_positive(name, checked_count(name, value))
    per_pass = 2 * architecture.layers + 1 if tensor > 1 else 0
    passes = generated_tokens - 1
    decode_bytes = architecture.width * activation_bytes
    prefill_bytes = prompt_tokens * decode_bytes
    summed = per_pass * (prefill_bytes + passes * decode_bytes)
    return InferenceVolumes(
        all_reduces_per_pass=per_pass,
        prefill_all_reduces=per_pass,
        decode_all_reduces=per_pass * passes,
        prefill_message_bytes=prefill_bytes,
        decode_message_bytes=decode_bytes,
        gathers=generated_tokens if tensor > 1 else 0,
        gather_elements_per_rank=-(-architecture.vocabulary // tensor),
        ring_bytes_per_gpu=2 * (tensor - 1) / tensor * summed,
        sends=(pipeline - 1) * generated_tokens,
    )
