"""The teacher: all-MiniLM-L6-v2, read from its published file and run in numpy.

Only what single words and short sentences need: WordPiece, six layers of attention, the mean of all
pieces. In 32-bit floats on one thread, so that two runs give the same bytes.
"""

import json
import os
import struct

import numpy as np

HEADS = 12
LAYERS = 6


def tensors(path):
    """The tensors of a safetensors file, by name."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        head = json.loads(file.read(size))
        body = file.read()
    found = {}
    for name, told in head.items():
        if name == "__metadata__" or told["dtype"] != "F32":
            continue
        start, end = told["data_offsets"]
        found[name] = np.frombuffer(body[start:end], dtype="<f4").reshape(told["shape"])
    return found


class Teacher:
    """Turns texts into vectors of 384 numbers and length one."""

    def __init__(self, folder):
        with open(os.path.join(folder, "vocab.txt"), encoding="utf-8") as lines:
            self.vocabulary = {line.rstrip("\n"): at for at, line in enumerate(lines)}
        self.weights = tensors(os.path.join(folder, "model.safetensors"))

    def pieces(self, text):
        """The numbers of a text's pieces, between the two marks that frame it."""
        found = [self.vocabulary["[CLS]"]]
        for word in text.lower().replace("?", " ?").split():
            start, own = 0, []
            while start < len(word):
                end = len(word)
                while end > start:
                    piece = word[start:end] if start == 0 else "##" + word[start:end]
                    if piece in self.vocabulary:
                        own.append(self.vocabulary[piece])
                        break
                    end -= 1
                if end == start:
                    own = [self.vocabulary["[UNK]"]]
                    break
                start = end
            found += own
        return found + [self.vocabulary["[SEP]"]]

    def encode(self, texts, batch=256):
        """Vectors of texts, those with as many pieces together, so that none is padded."""
        coded = [self.pieces(text) for text in texts]
        found = np.zeros((len(texts), 384), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda at: (len(coded[at]), at))
        start = 0
        while start < len(order):
            end = start
            while end < len(order) and end - start < batch and len(coded[order[end]]) == len(coded[order[start]]):
                end += 1
            found[order[start:end]] = self.forward(np.array([coded[at] for at in order[start:end]]))
            start = end
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def forward(self, ids):
        weights = self.weights
        rows, count = ids.shape
        hidden = weights["embeddings.word_embeddings.weight"][ids]
        hidden = hidden + weights["embeddings.position_embeddings.weight"][:count]
        hidden = hidden + weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self.norm(hidden, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}."
            split = lambda part: self.linear(hidden, name + "attention.self." + part).reshape(
                rows, count, HEADS, -1).transpose(0, 2, 1, 3)
            query, key, value = split("query"), split("key"), split("value")
            scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(np.float32(query.shape[-1]))
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            scores /= scores.sum(axis=-1, keepdims=True)
            mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(rows, count, -1)
            hidden = self.norm(hidden + self.linear(mixed, name + "attention.output.dense"),
                               name + "attention.output.LayerNorm")
            inner = gelu(self.linear(hidden, name + "intermediate.dense"))
            hidden = self.norm(hidden + self.linear(inner, name + "output.dense"), name + "output.LayerNorm")
        return hidden.mean(axis=1)

    def linear(self, values, name):
        return values @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, values, name):
        mean = values.mean(axis=-1, keepdims=True)
        spread = np.sqrt(values.var(axis=-1, keepdims=True) + np.float32(1e-12))
        return (values - mean) / spread * self.weights[name + ".weight"] + self.weights[name + ".bias"]


def gelu(values):
    """The error function's form of it, by a series good to seven digits."""
    scaled = np.abs(values) / np.sqrt(np.float32(2))
    step = 1 / (1 + np.float32(0.3275911) * scaled)
    series = step * (0.254829592 + step * (-0.284496736 + step * (1.421413741 + step * (
        -1.453152027 + step * np.float32(1.061405429)))))
    error = np.sign(values) * (1 - series * np.exp(-scaled * scaled))
    return values * (1 + error.astype(np.float32)) / 2
