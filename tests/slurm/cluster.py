"""A real Slurm of sixteen nodes on one machine: configured, started, its nodes unplugged and put back.

Everything is private: a folder of its own, and the name spaces that ``play.py`` is started in (processes, network,
mounts), whose end is the end of every process in them. Needs root and Debian's packages; written for Slurm 22.05 and
newer. Nodes are ``slurmd`` processes in process name spaces of their own, so that pulling the plug is one signal.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

CLUSTER: Final = "lab"
GPU_NODES: Final = tuple(f"gpu-{number:03d}" for number in range(1, 13))
CPU_NODES: Final = tuple(f"cpu-{number:03d}" for number in range(1, 5))
NODES: Final = GPU_NODES + CPU_NODES
GPUS_PER_NODE: Final = 8
#: users that every Debian has; the user database of the machine stays as it is
USERS: Final = ("backup", "games")
#: what must be on the machine, with the packages that bring it
COMMANDS: Final = {
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "slurmdbd": "slurmdbd",
    "sbatch": "slurm-client",
    "munged": "munge",
    "mariadbd": "mariadb-server",
    "unshare": "util-linux",
}
PATIENCE_SECONDS: Final = 60

_SLURMDBD_CONF: Final = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=16819
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=13306
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm_acct
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
DebugLevel=info
CommitDelay=1
"""
# SlurmdTimeout decides how soon an unplugged node is down; the scheduler is asked to look often.
_SLURM_CONF: Final = """\
ClusterName={cluster}
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=16817
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/spool/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/spool/slurmd.%n.log
SlurmctldDebug=verbose
LogTimeFormat=iso8601_ms
ProctrackType=proctrack/linuxproc
MpiDefault=none
ReturnToService=1
SlurmctldTimeout=30
SlurmdTimeout=8
InactiveLimit=0
KillWait=2
MessageTimeout=5
UnkillableStepTimeout=10
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_min_interval=200000,batch_sched_delay=0,sched_interval=3,max_rpc_cnt=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PriorityType=priority/multifactor
PriorityWeightQOS=10000
PreemptType=preempt/qos
PreemptMode=REQUEUE
RequeueExit=99
JobRequeue=1
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16819
AccountingStoragePass={folder}/munge/socket
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu,gres/gpu:h100
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobcomp.log
RebootProgram={folder}/reboot.sh
ResumeTimeout=40
GresTypes=gpu
TopologyPlugin=topology/tree
DefMemPerCPU=1024
PartitionName=gpu Nodes=gpu-[001-012] Default=YES MaxTime=7-00:00:00 State=UP PriorityTier=10
PartitionName=cpu Nodes=cpu-[001-004] MaxTime=1-00:00:00 State=UP PriorityTier=10
"""
_NODE: Final = (
    "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=64 Sockets=2 CoresPerSocket=32 "
    "ThreadsPerCore=1 RealMemory=256000{gres}\n"
)
_CGROUP_CONF: Final = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint={folder}/cgroup
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
MinRAMSpace=30
"""
_TOPOLOGY_CONF: Final = """\
SwitchName=leaf1 Nodes=gpu-[001-004]
SwitchName=leaf2 Nodes=gpu-[005-008]
SwitchName=leaf3 Nodes=gpu-[009-012]
SwitchName=leaf4 Nodes=cpu-[001-004]
SwitchName=core Switches=leaf[1-4]
"""
# The resolver answers nothing where there are only 127.* addresses, so loopback gets one more, of those for examples.
_LOOPBACK_UP: Final = """
import fcntl, socket, struct
up, siocsifaddr, siocsifflags = 0x1, 0x8916, 0x8914
address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton("192.0.2.1"))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, siocsifflags, struct.pack("16sh14x", b"lo", up))
    fcntl.ioctl(s, siocsifaddr, struct.pack("16s16s", b"lo:1", address))
"""


class CommandError(Exception):
    """A command of Slurm's failed."""

    def __init__(self, command: Sequence[str], code: int, said: str) -> None:
        super().__init__(f"{' '.join(command)}: exit code {code}: {said.strip()}")


class Cluster:
    """The cluster.

    Parameters
    ----------
    folder
        An empty folder with a short name (sockets lie in it) that other users may enter.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kills_for_memory = False
        self._environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SLURM_CONF": str(folder / "etc" / "slurm.conf"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, *command: str, user: str | None = None, script: str | None = None, **environment: str) -> str:
        """Run a command and return what it prints.

        Raises
        ------
        CommandError
            If it fails.
        """
        as_user = () if user is None else ("runuser", "-u", user, "--")
        done = subprocess.run(
            [*as_user, *command],
            cwd=self.folder / "out",
            env=self._environment | environment,
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(command, done.returncode, done.stderr + done.stdout)
        return done.stdout

    def start(self) -> None:
        """Start everything and wait until all nodes are idle."""
        subprocess.run([sys.executable, "-c", _LOOPBACK_UP], check=True)
        for name in ("etc", "munge", "mysql", "spool", "state"):
            (self.folder / name).mkdir()
        out = self.folder / "out"
        out.mkdir()
        out.chmod(0o1777)
        self._mount_memory_cgroup()
        self._start_munge()
        password = secrets.token_hex(16)
        self._start_mariadb(password)
        self._configure(password)
        self._daemon("slurmdbd", "-D")
        self._until(self._accounting_answers, "slurmdbd does not answer")
        self._add_accounts()
        self._daemon("slurmctld", "-D", "-c")
        self._until(lambda: self._succeeds("scontrol", "ping"), "slurmctld does not answer")
        for node in NODES:
            self.start_node(node)
        self._until(lambda: set(self.node_states().values()) == {"idle"}, "the nodes do not become idle")
        time.sleep(2)  # accounting keeps one event per node and second, and there is one of the start

    def start_node(self, node: str, *, after_boot: bool = False) -> None:
        """Power a node on; ``after_boot``: it says that it has just booted."""
        program = ["slurmd", "-D", "-N", node, *(["-b"] if after_boot else [])]
        space = ["unshare", "--pid", "--mount", "--uts", "--fork", "--kill-child", "--mount-proc", "--"]
        (self.folder / "spool" / node).mkdir(exist_ok=True)
        self._nodes[node] = self._daemon(*space, "sh", "-c", f'hostname {node}; exec "$@"', "sh", *program)

    def pull_plug(self, node: str) -> None:
        """Power a node off: every process on it ends at once and nobody is told."""
        process = self._nodes.pop(node)
        process.kill()
        process.wait()

    def node_states(self) -> dict[str, str]:
        """Return the state of every node as ``sinfo`` prints it."""
        lines = self.run("sinfo", "-h", "-N", "-o", "%N %T").splitlines()
        return dict(line.split() for line in lines)

    def job_state(self, job: str) -> str:
        """Return the state of a job or of a job array's task; of the first one, where there are several."""
        return self.run("squeue", "-h", "-j", job, "-t", "all", "-o", "%T").partition("\n")[0]

    def wait_for_job(self, job: str, *states: str) -> None:
        """Wait until the job is in one of the states."""
        self._until(lambda: self.job_state(job) in states, f"job {job} does not become {' or '.join(states)}")

    def wait_for_node(self, node: str, *states: str) -> None:
        """Wait until the node is in one of the states."""
        self._until(lambda: self.node_states()[node] in states, f"{node} does not become {' or '.join(states)}")

    def wait_for_file(self, path: Path) -> None:
        """Wait until somebody has made the file."""
        self._until(path.exists, f"{path} is not made")

    def clean_up(self) -> None:
        """End the nodes and remove what they leave in the kernel; the rest ends with the name space."""
        for node in tuple(self._nodes):
            self.pull_plug(node)
        if self.kills_for_memory:
            groups = (self.folder / "memory" / self.folder.name).glob("**/")
            for group in sorted(groups, reverse=True):
                self._until(partial(_removed, group), f"{group} is busy")

    def _until(self, holds: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{otherwise} within {PATIENCE_SECONDS} s; nodes: {self._succeeds('sinfo') and self.node_states()}"
                )
            time.sleep(0.2)

    def _daemon(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{command[0]}.out").open("ab") as out:
            return subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def _mount_memory_cgroup(self) -> None:
        """Make the kernel kill jobs for their memory, in a group of ours, where control groups are of version 1."""
        every, own = self.folder / "memory", self.folder / "cgroup" / "memory"
        every.mkdir()
        own.mkdir(parents=True)
        mount = ["mount", "-t", "cgroup", "-o", "memory", "cgroup", str(every)]
        self.kills_for_memory = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        if self.kills_for_memory:
            group = every / self.folder.name
            group.mkdir()
            self.run("mount", "--bind", str(group), str(own))

    def _start_munge(self) -> None:
        munge = self.folder / "munge"
        key = munge / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        for path in (key, munge):
            shutil.chown(path, "munge", "munge")
        files = [f"--{option}-file={munge / option}" for option in ("key", "pid", "log", "seed")]
        self.run("munged", *files, f"--socket={munge / 'socket'}", "--num-threads=4", user="munge")

    def _start_mariadb(self, password: str) -> None:
        data, socket = self.folder / "mysql", self.folder / "mysql.sock"
        shutil.chown(data, "mysql", "mysql")
        own = ("--no-defaults", "--user=mysql", f"--datadir={data}")
        self.run("mariadb-install-db", *own, "--auth-root-authentication-method=socket", "--skip-test-db", "--force")
        socket_folder = self.folder / "db"
        socket_folder.mkdir()
        shutil.chown(socket_folder, "mysql", "mysql")
        socket = socket_folder / "socket"
        self._daemon(
            "mariadbd", *own, f"--socket={socket}", "--bind-address=127.0.0.1", "--port=13306", "--skip-name-resolve",
            "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900",
            "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin",
        )  # fmt: skip
        client = ("mariadb", "--no-defaults", f"--socket={socket}")
        self._until(lambda: self._succeeds(*client, "-e", "SELECT 1"), "mariadbd does not answer")
        self.run(
            *client,
            script="CREATE DATABASE slurm_acct;"
            f"CREATE USER slurm@'127.0.0.1' IDENTIFIED BY '{password}';"
            "GRANT ALL ON slurm_acct.* TO slurm@'127.0.0.1';",
        )

    def _configure(self, password: str) -> None:
        etc, folder = self.folder / "etc", self.folder
        slurmdbd = etc / "slurmdbd.conf"
        slurmdbd.touch(mode=0o600)
        slurmdbd.write_text(_SLURMDBD_CONF.format(folder=folder, password=password))
        nodes = "".join(
            _NODE.format(name=name, port=port, gres=f" Gres=gpu:h100:{GPUS_PER_NODE}" if name in GPU_NODES else "")
            for port, name in enumerate(NODES, start=17001)
        )
        conf = nodes + _SLURM_CONF.format(folder=folder, cluster=CLUSTER)
        if self.kills_for_memory:
            conf += "TaskPlugin=task/cgroup\n"
            (etc / "cgroup.conf").write_text(_CGROUP_CONF.format(folder=folder))
        (etc / "slurm.conf").write_text(conf)
        devices = folder / "nvidia"
        for number in range(GPUS_PER_NODE):  # devices that do nothing: Slurm looks only whether they are there
            os.mknod(f"{devices}{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        gpus = f"NodeName=gpu-[001-012] Name=gpu Type=h100 File={devices}[0-{GPUS_PER_NODE - 1}]\n"
        (etc / "gres.conf").write_text(gpus)
        (etc / "topology.conf").write_text(_TOPOLOGY_CONF)
        reboot = folder / "reboot.sh"
        reboot.write_text(f'#!/bin/sh\ntouch "{folder}/out/reboot.$(hostname)"\n')
        reboot.chmod(0o755)

    def _accounting_answers(self) -> bool:
        return self._succeeds("timeout", "3", "sacctmgr", "-n", "show", "cluster")

    def _succeeds(self, *command: str) -> bool:
        try:
            self.run(*command)
        except CommandError:
            return False
        return True

    def _add_accounts(self) -> None:
        add = ("sacctmgr", "-i", "add")
        self.run(*add, "cluster", CLUSTER)
        self.run(*add, "account", "research", f"Cluster={CLUSTER}")
        self.run(*add, "qos", "scavenger", "set", "priority=1", "preemptmode=requeue")
        self.run(*add, "qos", "cheap", "set", "priority=1", "preemptmode=cancel")
        self.run(*add, "qos", "high", "set", "priority=1000", "preempt=scavenger,cheap")
        for user in USERS:
            self.run(*add, "user", user, "account=research", "qos=normal,scavenger,cheap,high", "defaultqos=normal")


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except OSError:
        return False
    return True
