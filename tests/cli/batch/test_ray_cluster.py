"""A Ray cluster of two nodes computes documents: the bytes of one machine, whatever is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from bigbird_pegasus.summarization.options import SummaryOptions

from bbp_cli.batch.ray_cluster import Actor, RayJob, check_same, files_of, wrapped_signal
from bbp_cli.errors import ModelError
from bbp_cli.models.checkpoints import inspect
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import locate
from bbp_cli.tasks.summarize import summary_task
from tests.cli.batch.test_resume import files, records, texts
from tests.cli.process import command
from tests.conftest import STORY, Bbp

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra `ray`")
COUNT = 12
KILLS = 20
WATCHDOG_S = 300  # no run may hang
CLUSTER = """
import json, sys
from ray.cluster_utils import Cluster
small = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 << 20}
head, *others = json.loads(sys.argv[1])
cluster = Cluster(initialize_head=True, head_node_args={**small, **head})
for node in others:
    cluster.add_node(**{**small, **node})
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@contextmanager
def started_cluster(*nodes: dict[str, object]) -> Iterator[tuple[str, psutil.Process]]:
    """A cluster of its own processes: its address, and the process whose descendants they are."""
    # Ray's workers are at the end of the queue for the processor, which can be long where tests run.
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER, json.dumps(nodes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), psutil.Process(process.pid)


def wait_for_workers(cluster: psutil.Process, run: "subprocess.Popen[str]") -> float:
    """Wait until a run has workers, and return when that is."""
    deadline = time.monotonic() + WATCHDOG_S
    while not workers_of(cluster) and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return time.monotonic()


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, psutil.Process]]:
    with started_cluster({}, {}) as found:
        yield found


def workers_of(cluster: psutil.Process) -> list[psutil.Process]:
    """The processes of our actors."""
    found = []
    for process in cluster.children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::Actor"):
                found.append(process)
        except psutil.Error:  # it has ended meanwhile
            continue
    return found


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """The exit code and stderr of a run that must end."""
    try:
        stdout, stderr = process.communicate(timeout=WATCHDOG_S)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"hangs after {WATCHDOG_S} s")
    assert stdout == ""  # Ray prints there what it has to say of workers that died
    return process.returncode, stderr


class Runs:
    """Starts `bbp summarize` over a folder, on a cluster or without."""

    def __init__(self, model: Path, folder: Path, environment: dict[str, str], address: str) -> None:
        self.folder, self.environment, self.address = folder, environment, address
        self.words = ("summarize", "--model", str(model), "in")
        texts(folder / "in", COUNT)

    def on_ray(self, *more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command(*self.words, "--ray", self.address, *more),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, path: Path, process: "subprocess.Popen[str]") -> None:
        deadline = time.monotonic() + WATCHDOG_S
        while not path.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)


@pytest.fixture
def runs(
    extractive: Path, tmp_path: Path, environment: dict[str, str], cluster: tuple[str, psutil.Process]
) -> Runs:
    return Runs(extractive, tmp_path, environment, cluster[0])


@needs_ray
def test_a_run_is_continued_on_a_cluster_where_a_worker_is_killed_and_then_without_it(
    runs: Runs, cluster: tuple[str, psutil.Process], warm_bbp: Bbp, tmp_path: Path
) -> None:
    assert warm_bbp(*runs.words, "--output-dir", "whole").code == 0
    assert warm_bbp(*runs.words, "--output-dir", "out", "--exclude", "[1-9]*.txt").code == 0
    process = runs.on_ray("--output-dir", "out", "--resume")
    runs.wait_for(tmp_path / "out/in/1.txt.summary.txt", process)
    workers_of(cluster[1])[0].kill()
    code, stderr = finish(process)
    assert (code, stderr.splitlines()[-1]) == (0, f"bbp: {COUNT - 1} made, 1 kept"), stderr
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    again = warm_bbp(*runs.words, "--output-dir", "out", "--resume")
    assert (again.code, again.stderr) == (0, f"bbp: {COUNT} kept\n")


@needs_ray
@pytest.mark.slow
def test_workers_killed_at_twenty_random_moments_lose_nothing_and_do_nothing_twice(
    runs: Runs, cluster: tuple[str, psutil.Process], warm_bbp: Bbp, tmp_path: Path
) -> None:
    draw = random.Random(2)
    assert warm_bbp(*runs.words, "--output-dir", "whole").code == 0
    whole = files(tmp_path / "whole")
    killed = 0
    for number in range(3 * KILLS):
        out, wanted = tmp_path / f"out{number}", draw.randrange(COUNT)
        process = runs.on_ray("--output-dir", out.name)
        wait_for_workers(cluster[1], process)
        deadline = time.monotonic() + WATCHDOG_S
        while done_in(out) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.05))
        there, victims = done_in(out), workers_of(cluster[1])[: draw.randint(1, 2)]
        for victim in victims:
            victim.kill()
        code, stderr = finish(process)
        same, last = files(out) == whole, stderr.splitlines()[-1]
        assert (code, last, same) == (0, f"bbp: {COUNT} made", True), stderr
        assert done_in(out) == COUNT
        killed += len(victims)
        print(f"{there} of {COUNT} done, {len(victims)} workers killed, {killed} so far: {last}; {same}")
        if killed >= KILLS:
            return
    pytest.fail(f"only {killed} workers were there to be killed")


def done_in(out: Path) -> int:
    """How many records a run has written."""
    journal = out / ".bbp.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_run_that_is_stopped_on_a_cluster_is_finished_without_it(
    runs: Runs, cluster: tuple[str, psutil.Process], warm_bbp: Bbp, tmp_path: Path, number: int, code: int
) -> None:
    assert warm_bbp(*runs.words, "--output-dir", "whole").code == 0
    process = runs.on_ray("--output-dir", "out", "--workers", "1")
    runs.wait_for(tmp_path / "out/in/0.txt.summary.txt", process)
    process.send_signal(number)
    assert finish(process)[0] == code
    done = len(records(tmp_path / "out/.bbp.jsonl"))
    assert done < COUNT
    assert warm_bbp(*runs.words, "--output-dir", "out", "--resume").stderr == (
        f"bbp: {COUNT - done} made, {done} kept\n"
    )
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    _, left = psutil.wait_procs(workers_of(cluster[1]), timeout=60)
    assert left == []


@needs_ray
@pytest.mark.slow
def test_a_worker_that_computes_otherwise_is_left_out(
    extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    with started_cluster({}, {"env_vars": {"OPENBLAS_CORETYPE": "Sandybridge"}}) as (address, _):
        runs = Runs(extractive, tmp_path, environment, address)
        for path in (tmp_path / "in").iterdir():  # long enough that both have begun before it ends
            path.write_text(" ".join([path.name, *[STORY] * 50]))
        code, stderr = finish(runs.on_ray("--output-dir", "out"))
    assert code == 0
    assert "is left out: it computes otherwise than" in stderr


@needs_ray
@pytest.mark.slow
def test_a_document_on_which_three_workers_die_fails_alone(
    runs: Runs, cluster: tuple[str, psutil.Process], tmp_path: Path
) -> None:
    (tmp_path / "in/0.txt").write_text(" ".join([STORY] * 200))  # takes long enough to be killed in
    process = runs.on_ray("--output-dir", "out", "--workers", "1")
    killed, deadline = set[int](), time.monotonic() + WATCHDOG_S
    while len(killed) < 3 and process.poll() is None and time.monotonic() < deadline:
        for worker in workers_of(cluster[1]):
            if worker.pid not in killed and "compute" in worker.cmdline()[0]:
                worker.kill()
                killed.add(worker.pid)
        time.sleep(0.01)
    code, stderr = finish(process)
    assert (code, len(killed)) == (6, 3)
    assert "bbp: error: in/0.txt: 3 workers died of it (it may need more memory than a machine has)" in stderr
    assert f"bbp: {COUNT - 1} made, 1 failed" in stderr


@needs_ray
@pytest.mark.slow
def test_workers_that_die_before_they_have_the_model_end_the_run(
    extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    broken = tmp_path / "elsewhere"
    (broken / "bbp_cli").mkdir(parents=True)
    (broken / "bbp_cli/__init__.py").write_text("import os; os._exit(1)\n")
    with started_cluster({"env_vars": {"PYTHONPATH": str(broken)}}) as (address, _):
        code, stderr = finish(Runs(extractive, tmp_path, environment, address).on_ray("--workers", "1"))
    assert (code, stderr.count("\n")) == (5, 1)
    assert "3 workers died before they had loaded the model (is bbp installed on all machines" in stderr


@needs_ray
@pytest.mark.slow
def test_a_cluster_without_room_ends_the_run(
    extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    texts(tmp_path / "in", 2)
    line = "import bbp_cli.batch.ray_cluster as r, bbp_cli.main as m, sys; r.START_S = 3; sys.exit(m.main())"
    words = ("summarize", "in", "--ray", "local", "--threads", "1000", "--model", str(extractive))
    done = subprocess.run(
        [sys.executable, "-c", line, *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WATCHDOG_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith(
        "bbp: error: the cluster has started no worker in 3 s (each needs 1000 CPUs"
    )


@needs_ray
@pytest.mark.slow
def test_a_cluster_of_this_machine_without_the_gpus_is_said_at_once(bbp: Bbp, tmp_path: Path) -> None:
    texts(tmp_path / "in", 2)
    done = bbp("summarize", "in", "--ray", "local", "--gpus", "9")
    assert (done.code, done.stdout) == (5, "")
    assert "a worker needs 9 GPUs, and here are " in done.stderr


@needs_ray
@pytest.mark.slow
def test_a_cluster_is_started_for_one_run(
    extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    runs = Runs(extractive, tmp_path, environment, "local")
    (tmp_path / "in/3.txt").write_text("")
    process = runs.on_ray("--json", "-o", "out.jsonl", "--unordered")
    code, stderr = finish(process)
    assert code == 6
    assert stderr.splitlines()[-2] == f"bbp: {COUNT - 1} made, 1 failed"
    names = [path.name for path in sorted((tmp_path / "in").iterdir())]
    assert [record["id"] for record in records(tmp_path / "out.jsonl")] == [f"in/{name}" for name in names]


def test_without_the_extra_one_line_says_how_to_install_it() -> None:
    line = (
        "import sys; sys.modules['ray'] = None; from bbp_cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", line, "summarize", "in", "--ray", "auto"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "bbp: error: --ray needs Ray, which is not installed"
        " (pip install 'bbp[ray]', or '.[ray]' where bbp is checked out)\n"
    )


def test_a_signal_inside_of_compiled_code_is_found_again() -> None:
    """CPython raises SystemError where compiled code returns a result beside an exception, which it keeps."""
    caused, beside = (SystemError("returned a result with an exception set") for _ in range(2))
    caused.__cause__ = beside.__context__ = KeyboardInterrupt()
    assert wrapped_signal(caused) is wrapped_signal(beside) is caused.__cause__
    alone = SystemError("a bug of Ray")
    assert wrapped_signal(alone) is alone


def test_gpus_are_for_workers_of_a_cluster(bbp: Bbp) -> None:
    done = bbp("summarize", "in", "--gpus", "1")
    assert done.code == 2
    assert done.stderr == "bbp: error: --gpus is for workers of --ray (add --ray, or take --device)\n"


@needs_ray
def test_a_cluster_that_is_not_there_is_one_line(bbp: Bbp, tmp_path: Path) -> None:
    texts(tmp_path / "in", 2)
    done = bbp("summarize", "in", "--ray", "127.0.0.1:9")
    assert (done.code, done.stdout) == (5, "")
    assert done.stderr.startswith("bbp: error: no Ray cluster at 127.0.0.1:9: ")
    assert done.stderr.count("\n") == 1


def test_a_worker_finds_the_same_model_or_says_what_is_wrong(extractive: Path) -> None:
    checkpoint = inspect(locate(str(extractive)))
    task = summary_task(SummaryOptions(), checkpoint)
    job = RayJob("summarize", task, ModelOptions(name=str(extractive), threads=1), checkpoint)
    model = Actor(job).load()
    assert not isinstance(model, Exception)
    check_same(model, files_of(checkpoint))
    with pytest.raises(ModelError, match="not that of this machine"):
        check_same(replace(model, files=("0.0", *model.files[1:])), files_of(checkpoint))
    missing = Actor(replace(job, model=ModelOptions(name=str(extractive / "not"), threads=1))).load()
    assert isinstance(missing, ModelError)
