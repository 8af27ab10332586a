"""Published ways of decoding, written down plainly from their papers: what the one loop has to come to, step by step.

Each takes `predict`, which gives the probabilities (L, V), float64, that a model sees at every position of an answer of
L tokens, and yields the answer after every forward pass. All are for one block, where nothing else is said.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from lladav import SamplingConfig

Predict = Callable[[list[int]], Tensor]
Path = Iterator[list[int]]


def masks(tokens: list[int], mask: int) -> list[int]:
    return [i for i, token in enumerate(tokens) if token == mask]


def fill(tokens: list[int], best: Tensor, chosen: list[int]) -> list[int]:
    return [int(best[i]) if i in chosen else token for i, token in enumerate(tokens)]


def ranked(predict: Predict, mask: int, config: SamplingConfig, value: Callable[[Tensor, int], float]) -> Path:
    """One token a step, where `value`, of a distribution and its position, is largest."""
    tokens = [mask] * config.gen_length
    while left := masks(tokens, mask):
        p = predict(tokens)
        tokens = fill(tokens, p.argmax(-1), [max(left, key=lambda i: value(p[i], i))])
        yield tokens


def margin(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    return ranked(predict, mask, config, lambda p, _: float(p.topk(2).values @ torch.tensor([1.0, -1.0]).double()))


def entropy(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    return ranked(predict, mask, config, lambda p, _: float((p * p.log()).nansum()))


def left_to_right(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    return ranked(predict, mask, config, lambda _, i: -i)


def pc_sampler(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    """With all words as frequent, f = 1 / V."""
    return ranked(
        predict, mask, config,
        lambda p, i: math.exp(-0.25 * i) * min(float(p.max()) * -math.log(max(1 / len(p), 1e-9)), 10),
    )  # fmt: skip


def at_least_one(sure: list[int], left: list[int], confidence: Tensor) -> list[int]:
    return sure or [max(left, key=lambda i: float(confidence[i]))]


def threshold(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    tokens = [mask] * config.gen_length
    while left := masks(tokens, mask):
        confidence, best = predict(tokens).max(-1)
        sure = [i for i in left if confidence[i] > config.threshold]
        tokens = fill(tokens, best, at_least_one(sure, left, confidence))
        yield tokens


def klass(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    tokens = [mask] * config.gen_length
    calm, before = [0] * len(tokens), None
    while left := masks(tokens, mask):
        p = predict(tokens)
        confidence, best = p.max(-1)
        for i in left:
            moved = math.inf if before is None else float((p[i] * (p[i] / before[i]).log()).nansum())
            calm[i] = calm[i] + 1 if moved < config.kl_threshold else 0
        sure = [i for i in left if confidence[i] > config.threshold and calm[i] >= config.kl_steps]
        tokens, before = fill(tokens, best, at_least_one(sure, left, confidence)), p
        yield tokens


def local_leap(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    tokens = [mask] * config.gen_length
    while left := masks(tokens, mask):
        confidence, best = predict(tokens).max(-1)
        anchors = [i for i in left if confidence[i] > config.threshold]
        near = [
            i for i in left
            if confidence[i] > config.relaxed_threshold and any(abs(i - a) <= config.anchor_radius for a in anchors)
        ]  # fmt: skip
        tokens = fill(tokens, best, at_least_one([*anchors, *near], left, confidence))
        yield tokens


def credit(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    tokens = [mask] * config.gen_length
    earned: Tensor | float = 0.0
    while left := masks(tokens, mask):
        p = predict(tokens)
        top = torch.zeros_like(p)
        for i in left:
            top[i, p[i].argmax()] = p[i].max() ** 0.2
        earned = 0.8 * earned + top
        confidence, best = (p.log() + 0.7 * (earned + 1).log()).softmax(-1).max(-1)
        sure = [i for i in left if confidence[i] > config.threshold]
        tokens = fill(tokens, best, at_least_one(sure, left, confidence))
        yield tokens


def wino(predict: Predict, mask: int, config: SamplingConfig, doubt: Callable[[list[int], int, int], Tensor]) -> Path:
    """`doubt` gives what the shadows of a block (from, to) say, (to - from, V). Any number of blocks."""
    tokens, revoked = [mask] * config.gen_length, [0] * config.gen_length
    for start in range(0, config.gen_length, config.block_length):
        end, accepted = start + config.block_length, 0
        while left := [i for i in masks(tokens, mask) if start <= i < end]:
            confidence, best = predict(tokens).max(-1)
            order = sorted(left, key=lambda i: -float(confidence[i]))
            above = sum(float(confidence[i]) > config.threshold for i in left)
            come_in = order[: max(1, min(above, max(int(0.7 * len(left)), 5), 20))]
            shadows = doubt(tokens, start, end)
            vouched = {i: float(shadows[i - start, tokens[i]]) for i in range(start, end) if i not in left}
            out = [i for i in vouched if revoked[i] < config.max_revocations]
            out = sorted(out, key=vouched.__getitem__)[: max(0, accepted - 1)]
            out = [i for i in out if vouched[i] < config.revision_threshold and len(come_in) > 1]
            tokens = [mask if i in out else token for i, token in enumerate(fill(tokens, best, come_in))]
            revoked = [times + (i in out) for i, times in enumerate(revoked)]
            accepted = len(come_in)
            yield tokens


def token_to_mask(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    tokens, revoked = [mask] * config.gen_length, [0] * config.gen_length
    while left := masks(tokens, mask):
        p = predict(tokens)
        confidence, best = p.max(-1)
        out = [i for i, token in enumerate(tokens) if token != mask and p[i, token] < config.revision_threshold]
        out = [i for i in out if revoked[i] < config.max_revocations]
        sure = [i for i in left if confidence[i] > config.threshold]
        filled = fill(tokens, best, at_least_one(sure, left, confidence))
        tokens = [mask if i in out else token for i, token in enumerate(filled)]
        revoked = [times + (i in out) for i, times in enumerate(revoked)]
        yield tokens


def saber(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    tokens, revoked = [mask] * config.gen_length, [0] * config.gen_length
    first: dict[int, float] = {}
    while left := masks(tokens, mask):
        p = predict(tokens)
        confidence, best = p.max(-1)
        mean = sum(first.values()) / len(first) if first else 1.0
        order = sorted(left, key=lambda i: -float(confidence[i]))
        chosen = order[: max(2, sum(float(confidence[i]) > mean for i in left))]
        fall = {i: first[i] - float(p[i, tokens[i]]) for i in first if revoked[i] < config.max_revocations}
        count = min(math.ceil(len(chosen) / 8), len(chosen) - 1)
        out = [i for i in sorted(fall, key=lambda i: -fall[i])[:count] if fall[i] > 0]
        first = {i: c for i, c in first.items() if i not in out} | {i: float(confidence[i]) for i in chosen}
        tokens = [mask if i in out else token for i, token in enumerate(fill(tokens, best, chosen))]
        revoked = [times + (i in out) for i, times in enumerate(revoked)]
        yield tokens


def remdm(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    """A token a step."""
    tokens = [mask] * config.gen_length

    def filled() -> list[int]:
        confidence, best = predict(tokens).max(-1)
        return fill(tokens, best, [max(masks(tokens, mask), key=lambda i: float(confidence[i]))])

    while len(masks(tokens, mask)) > (1 - config.revision_from) * len(tokens):
        tokens = filled()
        yield tokens
    for _ in range(config.revision_rounds):
        p = predict(tokens)
        least = min((i for i, t in enumerate(tokens) if t != mask), key=lambda i: float(p[i, tokens[i]]))
        tokens = [mask if i == least else token for i, token in enumerate(tokens)]
        yield tokens
        tokens = filled()
        yield tokens
    while masks(tokens, mask):
        tokens = filled()
        yield tokens


def adablock(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    tokens, start = [mask] * config.gen_length, 0
    while start < len(tokens):
        end = None
        while end is None or any(start <= i < end for i in masks(tokens, mask)):
            confidence, best = predict(tokens).max(-1)
            if end is None:
                window = range(start, min(start + len(tokens) // 4, len(tokens)))
                delimiters = [i for i in window if str(int(best[i])) in config.delimiters]
                surest = max(delimiters, key=lambda i: float(confidence[i]), default=None)
                found = surest is not None and confidence[surest] >= config.delimiter_threshold
                end = surest + 1 if found else min(start + config.block_length, len(tokens))
            left = [i for i in masks(tokens, mask) if i < end]
            sure = [i for i in left if confidence[i] > config.threshold]
            tokens = fill(tokens, best, at_least_one(sure, left, confidence))
            yield tokens
        start = end


def daedal(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    """Without a stop: `config.stop` names the end sign. Yields the answer as long as it is."""
    end, tokens, begun = int(config.stop[0]), [mask] * config.start_length, False
    while masks(tokens, mask):
        left, p = masks(tokens, mask), predict(tokens)
        confidence, best = p.max(-1)
        said = [float(p[i, end]) if i in left else float(token == end) for i, token in enumerate(tokens)][-32:]
        ending = sum(said) / len(said)
        if not begun and ending < 0.5 and len(tokens) < config.gen_length:
            tokens = tokens + [mask] * min(8, config.gen_length - len(tokens))
            yield tokens
            continue
        begun = True
        chosen = at_least_one([i for i in left if confidence[i] > config.threshold], left, confidence)
        tokens = fill(tokens, best, chosen)
        lost = min((i for i in left if i not in chosen), key=lambda i: float(confidence[i]), default=None)
        if ending < 0.9 and lost is not None and confidence[lost] < 0.1:
            room = min(7, config.gen_length - len(tokens))
            tokens = tokens[: lost + 1] + [mask] * room + tokens[lost + 1 :]
        if end in tokens:
            return
        yield tokens


def prophet(predict: Predict, mask: int, config: SamplingConfig) -> Path:
    tokens, step = [mask] * config.gen_length, 0
    while left := masks(tokens, mask):
        p = predict(tokens)
        confidence, best = p.max(-1)
        gaps = [float(p[i].topk(2).values.log() @ torch.tensor([1.0, -1.0]).double()) for i in left]
        third = min(2, 3 * step // config.gen_length)
        decided = sum(gaps) / len(gaps) >= config.gap_thresholds[third]
        tokens = fill(tokens, best, left if decided else at_least_one([], left, confidence))
        step += 1
        yield tokens


def vrcd(predict: Predict, mask: int, config: SamplingConfig, looks: Callable[[list[int]], Tensor]) -> Path:
    """`looks` gives what each position attends to on the picture, (L, P), in the pass that `predict` makes."""
    tokens, count = [mask] * config.gen_length, config.gen_length // config.steps
    while left := masks(tokens, mask):
        confidence, best = predict(tokens).max(-1)
        window = sorted(left, key=lambda i: -float(confidence[i]))[: 2 * count]
        seen = {i: visual_support(looks(tokens)[i].tolist()) for i in window}
        pairs = {(i, j): sum(math.sqrt(a * b) for a, b in zip(seen[i], seen[j], strict=True))
                 for i in window for j in window if i < j and any(seen[i]) and any(seen[j])}  # fmt: skip
        values = sorted(pairs.values())
        spread = len(values) > 1 and values[-1] - values[0] > 1e-8
        rank = {pair: sum(v < value for v in values) + (sum(v == value for v in values) - 1) / 2
                for pair, value in pairs.items()}  # fmt: skip
        score = {}
        for i in window:
            peers = {j: (min(i, j), max(i, j)) for j in window if (min(i, j), max(i, j)) in pairs}
            total = sum(float(confidence[j]) for j in peers)
            weighted = sum(float(confidence[j]) * rank[pair] for j, pair in peers.items()) if spread else 0.0
            mean = weighted / (len(values) - 1) / total if spread and total else 0.0
            score[i] = float(confidence[i]) * (1 + mean) ** -config.redundancy_power
        tokens = fill(tokens, best, sorted(window, key=lambda i: -score[i])[:count])
        yield tokens


def visual_support(attention: list[float]) -> list[float]:
    above = [max(0.0, a / sum(attention) - 1 / len(attention)) for a in attention]
    return [a / sum(above) if sum(above) > 1e-8 else 0.0 for a in above]


def fewer_image_tokens(predict: Callable, mask: int, config: SamplingConfig, is_picture: Tensor, attend) -> Path:
    """`predict` also takes the columns of the prompt that are run; `attend` gives (layers, L, columns) of all of it."""
    tokens, count = [mask] * config.gen_length, config.gen_length // config.steps
    columns = list(range(len(is_picture)))
    while left := masks(tokens, mask):
        confidence, best = predict(tokens, columns).max(-1)
        chosen = sorted(left, key=lambda i: -float(confidence[i]))[:count]
        if len(left) == len(tokens):
            looked = attend(tokens).mean((0, 1))
            pictures = sorted((c for c in columns if is_picture[c]), key=lambda c: -float(looked[c]))
            dropped = pictures[math.ceil(config.keep_image_tokens * len(pictures)) :]
            columns = [column for column in columns if column not in dropped]
        tokens = fill(tokens, best, chosen)
        yield tokens
