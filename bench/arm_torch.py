"""The same meta-training iteration of the arm in plain PyTorch, for comparison with `metaxbar bench arm`.

One iteration: B movements of T steps; the trainee (M neurons) runs with the clock, the learning signal generator
(N neurons, the last 30 % with adaptive threshold) reads the path as 48 bits, one e-prop update per movement, the
trainee runs again; loss of that pass and of the firing rates, exact gradient through everything, Adam.

    python3 bench/arm_torch.py [threads] [iterations] [movements]      (Debian: python3-torch)

Debian's OpenBLAS may not know the processor; OPENBLAS_CORETYPE=SkylakeX gives it AVX-512 kernels.
"""
import math
import sys
import time

import torch

T, N, M, CLOCK, BITS, JOINTS, DT = 249, 800, 250, 5, 48, 2, 0.01
GAMMA, RHO, DAMPING, REFRACTORY = math.exp(-1 / 20), math.exp(-1 / 600), 0.3, 5
RATE, BETA, ADAPTIVE, V_TRAINEE, V_LSG = 1e-4, 1.6, 240, 0.6, 1.3


class Spike(torch.autograd.Function):
    """Step function whose derivative is a triangle of half-width v_th."""

    @staticmethod
    def forward(ctx, u, v_th):
        ctx.save_for_backward(u)
        ctx.v_th = v_th
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(ctx, dz):
        u, = ctx.saved_tensors
        return dz * surrogate(u, ctx.v_th), None


def surrogate(u, v_th):
    return DAMPING * torch.clamp(1 - (u / v_th).abs(), min=0) / v_th


def tip(q):
    """Position in metres of the tip at joint angles q (..., 2)."""
    a, b = -q[..., 0], -q[..., 1]
    reach = 0.05 + (0.3 + 0.35 + 0.22) * torch.cos(b)
    side = -0.098 + 0.065
    return torch.stack((reach * torch.cos(a) - side * torch.sin(a), reach * torch.sin(a) + side * torch.cos(a),
                        0.3585 - 0.87 * torch.sin(b)), -1)


def movements(count):
    """Smooth random velocities (count, T, 2), and the path they make (count, T, 3)."""
    walk = torch.cumsum(0.065 * torch.randn(count, T, JOINTS), 1)
    window = torch.hann_window(120) / 60
    padded = torch.cat((torch.zeros(count, 59, JOINTS), walk, walk.flip(1)[:, :60]), 1).transpose(1, 2)
    omega = torch.nn.functional.conv1d(padded.reshape(-1, 1, T + 119), window.view(1, 1, -1))
    omega = omega.view(count, JOINTS, T).transpose(1, 2)
    return omega, tip(DT * torch.cumsum(omega, 1))


def clock():
    x = torch.zeros(T, CLOCK)
    for t in range(0, T, 10):
        x[t, t // 50] = 1
    return x


def code(xyz):
    k = ((xyz + 1) * 2 ** 15).long().clamp(0, 65535)
    return ((k.unsqueeze(-1) >> torch.arange(16)) & 1).flatten(2).float()


def trainee(x, w_in, w_rec, w_out, mask):
    """Outputs, spikes, surrogate derivatives and traces of every step; w_in, w_rec per movement (B, from, to)."""
    batch = w_in.shape[0]
    v = z = refractory = trace_rec = torch.zeros(batch, M)
    out, trace_in = torch.zeros(batch, JOINTS), torch.zeros(CLOCK)
    record = [[] for _ in range(5)]
    w_rec = w_rec * mask
    for t in range(T):
        current = torch.einsum("i,bij->bj", x[t], w_in) + torch.bmm(z.unsqueeze(1), w_rec).squeeze(1)
        v = GAMMA * v + current - V_TRAINEE * z
        ready = (refractory <= 0.1).float()
        trace_in, trace_rec = GAMMA * trace_in + x[t], GAMMA * trace_rec + z
        z = Spike.apply(v - V_TRAINEE, V_TRAINEE) * ready
        refractory = torch.clamp(refractory + REFRACTORY * z.detach() - 1, 0, REFRACTORY)
        out = GAMMA * out + z @ w_out
        for kept, now in zip(record, (out, z, surrogate(v - V_TRAINEE, V_TRAINEE) * ready, trace_rec, trace_in)):
            kept.append(now)
    return [torch.stack(kept, -2) for kept in record]


def generator(u, w_in, w_rec, w_out):
    """Learning signals (B, T, M) and spikes (B, T, N)."""
    batch = u.shape[0]
    driven, w_rec = u @ w_in, w_rec * (1 - torch.eye(N))
    beta = torch.cat((torch.zeros(N - ADAPTIVE), torch.full((ADAPTIVE,), BETA)))
    v = z = adaptation = refractory = torch.zeros(batch, N)
    out, outputs, spikes = torch.zeros(batch, M), [], []
    for t in range(T):
        adaptation = RHO * adaptation + z
        threshold = V_LSG + beta * adaptation
        v = GAMMA * v + driven[:, t] + z @ w_rec - z * threshold
        z = Spike.apply(v - threshold.detach(), V_LSG) * (refractory <= 0.1).float()
        refractory = torch.clamp(refractory + REFRACTORY * z.detach() - 1, 0, REFRACTORY)
        out = GAMMA * out + z @ w_out
        outputs.append(out)
        spikes.append(z)
    return torch.stack(outputs, 1), torch.stack(spikes, 1)


def loss_of(weights, omega, xyz):
    lsg_in, lsg_rec, lsg_out, w_in, w_rec, w_out = weights
    batch, x, mask = omega.shape[0], clock(), 1 - torch.eye(M)
    _, z1, h, trace_rec, trace_in = trainee(x, w_in.expand(batch, -1, -1), w_rec.expand(batch, -1, -1), w_out, mask)
    signal, z_lsg = generator(torch.cat((x.expand(batch, -1, -1), code(xyz)), -1), lsg_in, lsg_rec, lsg_out)
    source = h * signal
    dw_in = torch.einsum("ti,btj->bij", trace_in, source)
    dw_rec = torch.bmm(trace_rec.transpose(1, 2), source)
    out, z2, _, _, _ = trainee(x, w_in - RATE * dw_in, w_rec - RATE * dw_rec, w_out, mask)
    position = tip(DT * torch.cumsum(out, 1))
    rates = ((torch.cat((z1, z2), 1).mean((0, 1)) - 0.02) ** 2).sum() + ((z_lsg.mean((0, 1)) - 0.01) ** 2).sum()
    return (0.5 * ((position - xyz) ** 2).mean() + 0.5 * ((out - omega) ** 2).mean() + 0.25 * rates,
            1e3 * z2.mean().item(), 1e3 * z_lsg.mean().item())


def start(rows, columns, scale):
    return (scale * torch.randn(rows, columns)).requires_grad_()


def main():
    numbers = [int(a) for a in sys.argv[1:]] + [2, 3, 90][len(sys.argv) - 1:]
    torch.manual_seed(0)
    torch.set_num_threads(numbers[0])
    weights = [start(CLOCK + BITS, N, (CLOCK + BITS) ** -0.5), start(N, N, N ** -0.5), start(N, M, (2 / (N + M)) ** 0.5),
               start(CLOCK, M, CLOCK ** -0.5), start(M, M, M ** -0.5), start(M, JOINTS, M ** -0.5 * (1 - GAMMA))]
    optimiser = torch.optim.Adam(weights, 1.5e-3)
    seconds = []
    for i in range(1 + numbers[1]):
        begin = time.time()
        loss, trainee_hz, lsg_hz = loss_of(weights, *movements(numbers[2]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if i > 0:
            seconds.append(time.time() - begin)
    seconds.sort()
    print(f"median {seconds[len(seconds) // 2]:.2f} s, fastest {seconds[0]:.2f} s per iteration of {numbers[2]} movements; "
          f"last loss {loss.item():.4f}, rates {trainee_hz:.1f} and {lsg_hz:.1f} Hz")


if __name__ == "__main__":
    main()
