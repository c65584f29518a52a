"""attn-compile as a process: its options, its deadline, a worker that dies, the disk cache."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CAUSAL = ROOT / "patterns/causal.json"
# Wide heads in many variants: half a minute of one core.
SLOW = [f"--variant=dtype={t},d={d},dv={d}" for d in range(400, 576, 8) for t in ("f32", "f16", "bf16")]


@pytest.fixture
def command(build_dir):
    return [str(build_dir / "bin/attn-compile")]


def run(command, *options, **more):
    return subprocess.run([*command, *map(str, options)], capture_output=True, timeout=60, **more)


def test_help_names_every_option(command):
    result = run(command, "--help")
    assert (result.returncode, result.stderr) == (0, b"")
    text = result.stdout.decode()
    assert len(text.splitlines()) < 45
    named = set(re.findall(r"^  (-[-a-z]*)", text, re.M)) - {"--help", "--version"}
    source = "".join((ROOT / f"tools/{file}.cpp").read_text() for file in ("attn-compile/attn-compile", "command/Command"))
    declared = re.findall(r'static cl::(?:opt|list)<[^;]*?\(?"([a-z-]+)",([^;]*);', source)
    assert named == {"-o" if n == "o" else f"--{n}" for n, rest in declared if "cl::Hidden" not in rest}
    assert len(named) >= 12


def test_every_named_option_works(command):
    values = {"-o": "-", "--deadline": 9, "--rows": 8, "--keys": 8, "--target": "generic", "--variant": "d=64", "--emit": "spec"}
    for flag in ("--assemble", "--check", "--explain", "--no-cache", "--print-spec", "--times"):
        assert run(command, CAUSAL, flag).returncode == 0
    for option, value in values.items():
        assert run(command, CAUSAL, option, value).returncode == 0 and run(command, CAUSAL, f"{option}={value}").returncode == 0


@pytest.mark.parametrize("option", ["--regalloc=basic", "--debug-pass=Structure", "--x86-asm-syntax=intel", "--print-after-all"])
def test_options_of_libraries_are_none_of_ours(command, option):
    result = run(command, CAUSAL, option)
    assert result.returncode == 2 and b"Unknown command line argument" in result.stderr


def test_version(command):
    assert re.fullmatch(rb"attn-compile \d+\.\d+\.\d+\n", run(command, "--version").stdout)


def test_deadline(command, tmp_path):
    output = tmp_path / "x.attn"
    start = time.monotonic()
    result = run(command, CAUSAL, *SLOW, "--no-cache", "--deadline=1", "-o", output)
    assert (result.returncode, result.stderr) == (1, b"COMPILER_TIMEOUT: not done after 1 s; --deadline raises the limit\n")
    assert time.monotonic() - start < 10 and not output.exists()


def test_deadline_of_an_input_without_end(command):
    reader, writer = os.pipe()
    result = run(command, "-", "--deadline=1", stdin=reader)
    os.close(reader)
    os.close(writer)
    assert result.returncode == 1 and result.stderr.startswith(b"COMPILER_TIMEOUT")


def worker_of(process):
    """The process that the tool started, once it is another program than its parent's copy."""
    for _ in range(500):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children and b"--in-process" in Path(f"/proc/{children[0]}/cmdline").read_bytes():
            return int(children[0])
        time.sleep(0.01)
    raise AssertionError("no worker")


@pytest.fixture
def slow(command, tmp_path):
    """A long compilation that runs, and its worker."""
    arguments = [*command, str(CAUSAL), *SLOW, "--no-cache", "-o", str(tmp_path / "x.attn")]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE)
    yield process, worker_of(process)
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_crash_of_the_worker(slow, tmp_path, number):
    process, worker = slow
    time.sleep(0.2)
    # The handler that prints the stack returns, so that the instruction faults again; here a second signal is that fault.
    while process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, number)
        time.sleep(0.5)
    text = process.stderr.read()
    assert process.returncode == 1
    assert text.decode().splitlines()[-1].startswith(f"COMPILER_CRASH: {signal.strsignal(number)}")
    assert not (tmp_path / "x.attn").exists()


def test_worker_dies_with_its_parent(slow):
    process, worker = slow
    time.sleep(0.2)
    process.kill()
    process.wait()
    for _ in range(300):
        if not Path(f"/proc/{worker}").exists() or "\nState:\tZ" in Path(f"/proc/{worker}/status").read_text():
            return
        time.sleep(0.01)
    raise AssertionError("the worker runs on")


def test_artifacts_are_deterministic(command):
    first, second = (run(command, ROOT / "patterns/duoattention.json", "--no-cache").stdout for _ in range(2))
    assert first == second and first.startswith(b"ATTNART1")


def test_cache(command, tmp_path):
    """A second compilation comes from the cache; a damaged, short or empty file there is compiled and replaced."""
    cache = tmp_path / "cache"
    environment = {**os.environ, "ATTN_CACHE_DIR": str(cache)}

    def compile():
        result = run(command, CAUSAL, "--times", env=environment)
        assert result.returncode == 0
        return result.stdout, b"codegen" in result.stderr

    artifact, is_compiled = compile()
    assert is_compiled and compile() == (artifact, False)
    [file] = cache.iterdir()
    sound = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600 and cache.stat().st_mode & 0o777 == 0o700
    for at in (0, 20, 41, 60, len(sound) // 2, len(sound) - 1):
        damaged = bytearray(sound)
        damaged[at] ^= 1
        file.write_bytes(damaged)
        assert compile() == (artifact, True), f"byte {at}"
        assert file.read_bytes() == sound
    for size in (0, 7, len(sound) - 1):
        file.write_bytes(sound[:size])
        assert compile() == (artifact, True), f"{size} bytes"
    assert compile() == (artifact, False) and list(cache.iterdir()) == [file]


def test_builds_do_not_share_the_cache(command, tmp_path):
    """Also where the program was found by its name alone."""
    environment = {**os.environ, "ATTN_CACHE_DIR": str(tmp_path / "cache"), "LD_LIBRARY_PATH": str(Path(command[0]).parents[1] / "lib")}
    for build in ("one", "two"):
        (tmp_path / build).mkdir()
        shutil.copy(command[0], tmp_path / build / "attn-compile")
        result = run(["attn-compile"], CAUSAL, "--times", cwd=tmp_path, env={**environment, "PATH": str(tmp_path / build)})
        assert result.returncode == 0 and b"codegen" in result.stderr
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_cache_that_others_can_write_is_not_used(command, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    result = run(command, CAUSAL, env={**os.environ, "ATTN_CACHE_DIR": str(cache)})
    assert result.returncode == 0 and result.stdout.startswith(b"ATTNART1") and not list(cache.iterdir())


def test_no_cache(command, tmp_path):
    environment = {**os.environ, "ATTN_CACHE_DIR": str(tmp_path / "cache")}
    assert run(command, CAUSAL, "--no-cache", env=environment).returncode == 0
    assert not (tmp_path / "cache").exists()


def manifest_of(path):
    data = path.read_bytes()
    return json.loads(data[48 : 48 + int.from_bytes(data[8:16], "little")])


def forms_of(manifest):
    return [form for v in manifest["entries"][0]["variants"] for step in v["steps"] for form in step["forms"]]


def test_gpus_and_the_cpu_in_one_artifact(command, tmp_path):
    output = tmp_path / "x.attn"
    result = run(command, CAUSAL, "--target=generic,sm_80,sm_90", "--variant=dtype=bf16", "--no-cache", "-o", output)
    assert result.returncode == 0, result.stderr
    manifest = manifest_of(output)
    assert [v["isa"] for v in manifest["entries"][0]["variants"]] == ["generic", "sm_80"]  # sm_90 runs the code of sm_80
    gpu = [form for form in forms_of(manifest) if "entry" in form]
    assert gpu and all(form["threads"] % 32 == 0 and form["shared"] > 0 and "cubins" not in form for form in gpu)


def test_one_variant_that_a_gpu_does_not_have_is_an_error(command, tmp_path):
    output = tmp_path / "x.attn"
    result = run(command, CAUSAL, "--target=sm_80", "--variant=dtype=f32", "--variant=dtype=bf16", "-o", output)
    assert result.returncode == 1 and not output.exists()
    assert set(result.stderr.decode().splitlines()) == {
        "UNSUPPORTED: 'tile.load_keys' of 'f32' is not supported by the sm_80 target: expected f16 or bf16"}


def fake_ptxas(folder, body):
    program = folder / "bin/ptxas"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n[ $1 = --version ] && echo 'release 1.2, V1.2.3' && exit 0\n{body}\n")
    program.chmod(0o755)
    return {**os.environ, "CUDA_HOME": str(folder)}


def test_machine_code_of_every_target(command, tmp_path):
    report = "ptxas info    : Used 40 registers, used 1 barriers"
    environment = fake_ptxas(tmp_path, f'echo "{report}"; echo "code for $1" > "$5"')
    output = tmp_path / "x.attn"
    result = run(command, CAUSAL, "--target=sm_80,sm_90", "--variant=dtype=bf16", "--assemble", "--no-cache", "--times", "-o", output,
                 env=environment)
    assert result.returncode == 0, result.stderr
    assert b"attend.0.prefill sm_90: 40 registers\n" in result.stderr
    manifest = manifest_of(output)
    for form in forms_of(manifest):
        assert [cubin["arch"] for cubin in form["cubins"]] == ["sm_80", "sm_90"]
        assert [manifest["code"][cubin["code"]]["isa"] for cubin in form["cubins"]] == ["sm_80", "sm_90"]
    text = run(command, CAUSAL, "--target=sm_90", "--variant=dtype=bf16", "--emit=cubin", env=environment).stdout
    assert text == b"code for -arch=sm_90\n"


def test_what_ptxas_refuses(command, tmp_path):
    environment = fake_ptxas(tmp_path, "echo 'ptxas fatal: no'; exit 255")
    result = run(command, CAUSAL, "--target=sm_80", "--variant=dtype=bf16", "--assemble", "--no-cache", env=environment)
    assert result.returncode == 1 and b"COMPILER: ptxas refuses a kernel for sm_80: ptxas fatal: no" in result.stderr


def test_explain_says_whose_code_runs(command):
    text = run(command, CAUSAL, "--target=sm_90", "--variant=dtype=bf16", "--explain").stdout.decode()
    assert text.startswith("sm_90 has no code of its own yet: it runs that of sm_80\n")
