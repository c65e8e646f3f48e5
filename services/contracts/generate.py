"""Writes the gRPC stubs below `generated` from the files below `proto`.

Run `python -m services.contracts.generate`. With `--check` nothing is written, and the exit code is 1 when a stub
differs from a fresh one.

`baseline.json` is what `buf breaking` compares the protos with: the protos of the last release. Before the first
release no client depends on them, so every change may write the baseline anew:
`cd services/contracts && buf build -o baseline.json`. From 0.1.0 on only a release writes it.
"""

import re
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

CONTRACTS = Path(__file__).parent
PROTO = CONTRACTS / "proto"
GENERATED = CONTRACTS / "generated"
# protoc names modules after proto packages (`lab.…`), which is also the name of our library.
OWN_IMPORT = re.compile(r"^(from |import )lab\.", flags=re.MULTILINE)


def main() -> int:
    """Write the stubs, or compare them with `--check`. Return 0, or 1 where a stub is stale."""
    fresh = fresh_stubs()
    if "--check" in sys.argv[1:]:
        return report(stale_stubs(fresh))
    for name, text in fresh.items():
        target = GENERATED / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return 0


def fresh_stubs() -> dict[str, str]:
    """Return the text of every stub by its relative path."""
    with tempfile.TemporaryDirectory() as folder:
        run_protoc(Path(folder))
        stubs = {
            path.relative_to(folder).as_posix(): OWN_IMPORT.sub(
                r"\1services.contracts.generated.lab.", path.read_text()
            )
            for path in Path(folder).rglob("*.py*")
        }
    folders = {parent for name in stubs for parent in Path(name).parents}
    packages = {(parent / "__init__.py").as_posix(): "" for parent in folders}
    return {**packages, **stubs}


def run_protoc(target: Path) -> None:
    """Compile every file below `proto`."""
    bundled = resources.files("grpc_tools") / "_proto"
    files = sorted(path.as_posix() for path in PROTO.rglob("*.proto"))
    outputs = [f"--{kind}={target}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
    if protoc.main(["protoc", f"-I{PROTO}", f"-I{bundled}", *outputs, *files]) != 0:
        raise SystemExit("protoc could not compile services/contracts/proto (see above)")


def stale_stubs(fresh: dict[str, str]) -> list[str]:
    """Return the names of stubs that differ from *fresh*, are missing, or are left over."""
    stubs = (path for path in GENERATED.rglob("*") if path.suffix in {".py", ".pyi"})
    present = {path.relative_to(GENERATED).as_posix(): path.read_text() for path in stubs}
    return sorted(name for name in fresh.keys() | present.keys() if fresh.get(name) != present.get(name))


def report(stale: list[str]) -> int:
    """Print the stale stubs and the next step. Return the exit code."""
    if stale:
        print(f"generated stubs differ from the proto files: {', '.join(stale)}")
        print("do: python -m services.contracts.generate")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
