"""The same meta-training iteration in plain PyTorch, for comparison with `metaxbar bench`.

One iteration: T tasks of N ways, K support and Q query images per class, 28 x 28, four convolution
blocks of C channels, batch statistics of the support and of the query images of each task, four inner
updates of the read-out, exact gradient through them, Adam.

    python3 bench/fewshot_torch.py [threads] [iterations]      (Debian: python3-torch)

Debian's OpenBLAS may not know the processor; OPENBLAS_CORETYPE=SkylakeX gives it AVX-512 kernels.
"""
import sys
import time

import torch
import torch.nn.functional as F

T, N, K, Q, C, STEPS, ALPHA = 32, 5, 5, 5, 56, 4, 0.1


def glorot(*shape):
    taps = shape[2] * shape[3] if len(shape) == 4 else 1
    limit = (6 / ((shape[0] + shape[1]) * taps)) ** 0.5
    return torch.empty(*shape).uniform_(-limit, limit).requires_grad_()


def features(x, kernels, groups):
    """x (images, 1, 28, 28) of `groups` equal groups; statistics per group, computed as one batch."""
    for kernel in kernels:
        a = F.relu(F.conv2d(x, kernel, stride=2, padding=1))
        n, c, h, w = a.shape
        g = a.view(groups, n // groups, c, h * w)
        mean = g.mean((1, 3), keepdim=True)
        var = g.var((1, 3), unbiased=False, keepdim=True)
        x = ((g - mean) / torch.sqrt(var + 1e-3)).view(n, c, h, w)
    return x.amax((2, 3))


def iteration(kernels, readout, optimiser, support, query, ys, yq):
    h = features(support.reshape(-1, 1, 28, 28), kernels, T).view(T, N * K, C)
    hq = features(query.reshape(-1, 1, 28, 28), kernels, T).view(T, N * Q, C)
    w = readout.unsqueeze(0).expand(T, C, N)
    onehot = F.one_hot(ys, N).to(h.dtype)
    for _ in range(STEPS):
        p = torch.softmax(h @ w, -1)
        w = w - ALPHA * h.transpose(1, 2) @ (p - onehot) / (N * K)
    loss = F.cross_entropy((hq @ w).reshape(-1, N), yq.reshape(-1))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def main():
    torch.manual_seed(0)
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    kernels = [glorot(C, 1, 3, 3)] + [glorot(C, C, 3, 3) for _ in range(3)]
    readout = glorot(C, N)
    optimiser = torch.optim.Adam(kernels + [readout], 1e-3)
    ys = torch.arange(N).repeat_interleave(K).expand(T, -1)
    yq = torch.arange(N).repeat_interleave(Q).expand(T, -1)
    seconds = []
    for i in range(3 + (int(sys.argv[2]) if len(sys.argv) > 2 else 15)):
        support, query = torch.rand(T, N * K, 1, 28, 28), torch.rand(T, N * Q, 1, 28, 28)
        begin = time.time()
        iteration(kernels, readout, optimiser, support, query, ys, yq)
        if i >= 3:
            seconds.append(time.time() - begin)
    seconds.sort()
    print(f"median {seconds[len(seconds) // 2]:.4f} s, fastest {seconds[0]:.4f} s per iteration of {T} tasks")


if __name__ == "__main__":
    main()
