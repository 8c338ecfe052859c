"""One document through a Python pipeline, as such pipelines are usually put together: haystack with pypdf reads, cleans
and splits; onnxruntime embeds in batches of similar length; qdrant-client keeps the vectors in memory.

    python pipeline.py FILE.pdf --weights MODEL.onnx --tokenizer TOKENIZER.json --chunks CHUNKS.jsonl

Embedded are the texts of CHUNKS.jsonl ({"text": …} a line), so that both sides of a comparison embed the same ones; what
the splitter made is counted and dropped. Prints one line of JSON.
"""

import argparse
import json
import logging
import os
import time

import numpy as np
import onnxruntime
from haystack import Pipeline
from haystack.components.converters import PyPDFToDocument
from haystack.components.preprocessors import DocumentCleaner, DocumentSplitter
from qdrant_client import QdrantClient, models
from tokenizers import Tokenizer

BATCH = 32
LONGEST = 256


class Embedder:
    def __init__(self, weights, tokenizer):
        self.session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(tokenizer)
        self.tokenizer.enable_truncation(LONGEST)
        self.tokenizer.enable_padding()
        self.seconds = 0.0

    def embed(self, texts):
        order = sorted(range(len(texts)), key=lambda n: -len(texts[n]))
        vectors = [None] * len(texts)
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            encoded = self.tokenizer.encode_batch([texts[n] for n in places])
            mask = np.array([e.attention_mask for e in encoded])
            inputs = {
                "input_ids": np.array([e.ids for e in encoded]),
                "attention_mask": mask,
                "token_type_ids": np.array([e.type_ids for e in encoded]),
            }
            begun = time.perf_counter()
            states = self.session.run(None, inputs)[0]
            self.seconds += time.perf_counter() - begun
            mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            mean /= np.linalg.norm(mean, axis=1, keepdims=True)
            for place, vector in zip(places, mean):
                vectors[place] = vector
        return vectors


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("file")
    arguments.add_argument("--weights", required=True)
    arguments.add_argument("--tokenizer", required=True)
    arguments.add_argument("--chunks", required=True)
    asked = arguments.parse_args()
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    embedder = Embedder(asked.weights, asked.tokenizer)
    store = QdrantClient(":memory:")
    vectors = models.VectorParams(size=384, distance=models.Distance.COSINE)
    store.create_collection("chunks", vectors_config=vectors)
    reading = Pipeline()
    reading.add_component("converter", PyPDFToDocument())
    reading.add_component("cleaner", DocumentCleaner())
    reading.add_component("splitter", DocumentSplitter(split_by="word", split_length=200, split_overlap=30))
    reading.connect("converter", "cleaner")
    reading.connect("cleaner", "splitter")
    reading.warm_up()

    begun, begun_cpu = time.perf_counter(), time.process_time()
    split = reading.run({"converter": {"sources": [asked.file]}})["splitter"]["documents"]
    with open(asked.chunks, encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    embedded = embedder.embed(texts)
    points = [
        models.PointStruct(id=n, vector=vector.tolist(), payload={"text": text, "file": os.path.basename(asked.file)})
        for n, (text, vector) in enumerate(zip(texts, embedded))
    ]
    store.upsert("chunks", points, wait=True)
    print(
        json.dumps(
            {
                "chunks": len(texts),
                "split": len(split),
                "seconds": time.perf_counter() - begun,
                "cpu_seconds": time.process_time() - begun_cpu,
                "model_seconds": embedder.seconds,
            }
        )
    )


if __name__ == "__main__":
    main()
