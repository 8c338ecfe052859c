"""Ingestion of one PDF by Colloquy and by a Python pipeline, alternating, with the same model and the same chunks.

    pip install -r requirements.txt
    python models.py MODELS
    python compare.py COLLOQUY FILE.pdf --models MODELS [--rounds 3]

COLLOQUY is a release build of the program. Prints a table and, last, one line of JSON. CPU seconds are those of the work
itself (reading, chunking, embedding, storing, child processes included), not of starting and loading a model; peak memory
is the largest process of each side, as the kernel counts it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def run(command):
    """The JSON that a command prints last, and the peak memory of its largest process in MB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    figures = json.loads(output)
    figures["peak_mb"] = usage.ru_maxrss / 1024
    return figures


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("colloquy")
    arguments.add_argument("file")
    arguments.add_argument("--models", required=True)
    arguments.add_argument("--library")
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    models = Path(asked.models)
    tokenizer = str(models / "tokenizer.json")
    import onnxruntime

    found = Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")
    library = asked.library or str(next(found))
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        chunks = f"{scratch}/chunks.jsonl"
        for number in range(asked.rounds):
            for model in ("fp32", "int8"):
                weights = str(models / f"{model}.onnx")
                ours = [asked.colloquy, "bench", "ingest", asked.file, "--weights", weights, "--tokenizer", tokenizer]
                ours += ["--library", library, "--chunks", chunks, "--json"]
                theirs = [sys.executable, str(HERE / "pipeline.py"), asked.file, "--weights", weights]
                theirs += ["--tokenizer", tokenizer, "--chunks", chunks]
                for side, command in (("colloquy", ours), ("python", theirs)):
                    figures = run(command)
                    results.setdefault((side, model), []).append(figures)
                    print(number + 1, side, model, json.dumps(figures), file=sys.stderr)

    def median(side, model, figure):
        return statistics.median(figure(r) for r in results[side, model])

    rate = lambda r: r["chunks"] / r["cpu_seconds"]
    wall = lambda r: r["chunks"] / r["seconds"]
    peak = lambda r: r["peak_mb"]
    share = lambda r: r["model_seconds"] / r["seconds"]
    print(f"{'':<10}{'model':<7}{'chunks/CPU-s':>13}{'chunks/s':>10}{'in the model':>14}{'peak MB':>9}")
    summary = {}
    for (side, model) in results:
        values = [median(side, model, f) for f in (rate, wall, share, peak)]
        print(f"{side:<10}{model:<7}{values[0]:>13.1f}{values[1]:>10.1f}{values[2]:>14.2f}{values[3]:>9.0f}")
        summary[f"{side} {model}"] = dict(zip(("chunks_per_cpu_second", "chunks_per_second", "model_share", "peak_mb"), values))
    same = median("colloquy", "fp32", rate) / median("python", "fp32", rate)
    lighter = median("colloquy", "int8", rate) / median("python", "fp32", rate)
    print(f"chunks per CPU-second, colloquy / python: {same:.2f} with the same fp32 model, {lighter:.2f} with int8 against fp32")
    print(json.dumps({"fp32_ratio": same, "int8_ratio": lighter, "medians": summary}))


if __name__ == "__main__":
    main()
