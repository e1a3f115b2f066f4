"""The same trainings in PyTorch, as its users write them.

python benchmarks/plain_pytorch.py cnn data

Adam is fused, and the CNN's images are channels-last, as PyTorch's performance guide says.
"""

import argparse
import json
import time

import numpy as np
import torch
from torch import nn

EPOCHS, BATCH, TRAINING = 10, 200, 48000


def build_model(run):
    """Return an nn.Module: images -> logits (n, 10). The weights start as the deck's do."""
    if run == "cnn":
        model = nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)),
            nn.Conv2d(1, 16, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 36, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
            nn.Dropout(0.25), nn.Flatten(),
            nn.Linear(1764, 128), nn.ReLU(), nn.Linear(128, 10),
        ).to(memory_format=torch.channels_last)  # fmt: skip
    else:
        hidden = 256 if run == "mlp_256" else 800
        rate = 0.5 if run == "mlp_dropout" else 0
        model = nn.Sequential(nn.Linear(784, hidden), nn.ReLU(), nn.Dropout(rate), nn.Linear(hidden, 10))
    for layer in model:
        if hasattr(layer, "weight"):
            nn.init.zeros_(layer.bias)
            nn.init.xavier_uniform_(layer.weight) if run == "cnn" else nn.init.normal_(layer.weight, std=0.05)
    return model


@torch.inference_mode()
def accuracy(model, x, y):
    model.eval()
    found = torch.cat([model(batch).argmax(1) for batch in x.split(500)])
    return (found == y).float().mean().item()


def train(model, optimizer, x, y):
    """Train for an epoch; return the accuracy in it."""
    model.train()
    correct = 0
    for rows in torch.randperm(len(x)).split(BATCH):
        logits = model(x[rows])
        loss = nn.functional.cross_entropy(logits, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        correct += (logits.argmax(1) == y[rows]).sum()
    return correct.item() / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", choices=["mlp_256", "mlp_800", "mlp_dropout", "cnn"])
    parser.add_argument("folder", help="where mnist.npz is")
    args = parser.parse_args()
    with np.load(f"{args.folder}/mnist.npz") as file:
        x_train, x_test = (torch.tensor(file[name]).reshape(-1, 784) / 255 for name in ("x_train", "x_test"))
        y_train, y_test = (torch.tensor(file[name]).long() for name in ("y_train", "y_test"))
    x_train, x_val = x_train.split(TRAINING)
    y_train, y_val = y_train.split(TRAINING)
    model = build_model(args.run)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=True)
    start = time.perf_counter()
    for epoch in range(EPOCHS):
        trained = train(model, optimizer, x_train, y_train)
        print(f"epoch {epoch + 1}: accuracy {trained:.4f}, validation {accuracy(model, x_val, y_val):.4f}", flush=True)
    seconds = time.perf_counter() - start
    test = accuracy(model, x_test, y_test)
    print(json.dumps({"fit_seconds": seconds, "test_accuracy": test, "versions": {"torch": torch.__version__}}))


if __name__ == "__main__":
    main()
