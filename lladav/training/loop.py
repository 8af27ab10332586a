"""The training loop: stages on accelerate, with checkpoints, resume, a progress bar and a log.

Weights are bfloat16 with float32 masters: on CPUs with bfloat16 units this is several times faster than autocast.
Every stage writes the averaged weights that it trained, and starts from what the stages before it wrote; a stage that
was interrupted goes on where its last checkpoint stands.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from lladav.training.data import Batch, SceneData
from lladav.training.learner import Learner
from lladav.training.recipes import ANSWERS, Stage, again

WARM_UP = 60  # steps
EMA_DECAY = 0.998
CHECKPOINT_SECONDS = 120
LOG_EVERY = 25
ALONE = 4  # in every fourth batch a picture has one conversation, as in a chat; there are twice as many pictures then


class MasterAdamW(torch.optim.AdamW):
    """AdamW on float32 masters of half-precision parameters, with an exponential moving average of them."""

    def __init__(self, groups: list[dict], **options):
        self.half = [p for group in groups for p in group["params"]]
        self.masters = [p.detach().float().clone().requires_grad_() for p in self.half]
        masters = iter(self.masters)
        groups = [group | {"params": [next(masters) for _ in group["params"]]} for group in groups]
        super().__init__(groups, fused=True, **options)
        self.average = [p.detach().clone() for p in self.masters]
        self.steps = 0

    @torch.no_grad()
    def step(self, closure=None):
        for master, half in zip(self.masters, self.half, strict=True):
            master.grad = None if half.grad is None else half.grad.float()
        super().step(closure)
        self.steps += 1
        decay = min(EMA_DECAY, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.average, self.masters, 1 - decay)
        self.publish(self.masters)

    @torch.no_grad()
    def publish(self, weights: list[Tensor]) -> None:
        """Copies float32 weights (the masters, or their average) into the model."""
        for half, weight in zip(self.half, weights, strict=True):
            half.copy_(weight)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for half in self.half:
            half.grad = None

    def snapshot(self) -> dict:
        """Everything that a resumed run needs."""
        return {"adam": self.state_dict(), "masters": self.masters, "average": self.average, "steps": self.steps}

    @torch.no_grad()
    def restore(self, snapshot: dict) -> None:
        """Takes a snapshot back in."""
        self.load_state_dict(snapshot["adam"])
        for mine, saved in zip(self.masters + self.average, snapshot["masters"] + snapshot["average"], strict=True):
            mine.copy_(saved)
        self.steps = snapshot["steps"]
        self.publish(self.masters)


class StageData(Dataset):
    """The batches of a stage by number; `seed` sets the whole run apart from others."""

    def __init__(self, data: SceneData, stage: Stage, seed: str):
        self.data, self.stage, self.seed = data, stage, seed

    def __len__(self) -> int:
        return self.stage.steps

    def __getitem__(self, step: int) -> Batch:
        number = step % (self.stage.steps // self.stage.epochs)
        return stage_batch(self.data, self.stage, f"{self.seed}/{self.stage.name}/{number}", number % ALONE == 0)


def stage_batch(data: SceneData, stage: Stage, seed: str, alone: bool = False) -> Batch:
    """A batch as a stage asks for it, or one whose conversations are alone with their pictures."""
    scenes, questions = stage.scenes, stage.questions
    if alone and questions > 1:
        scenes, questions = 2 * scenes, 1
    asked = stage.weights, stage.stranger_share, stage.everyday_share, stage.sign_share, stage.longest_sign
    return data.batch(seed, scenes, questions, stage.max_items, stage.pixels, *asked)


def learning_rate_factor(stage: Stage, step: int) -> float:
    """Linear warm-up, then a cosine to a tenth, or 1 where the stage does not decay."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    progress = (step - WARM_UP) / (stage.steps - WARM_UP)
    return 0.55 + 0.45 * math.cos(math.pi * progress) if stage.decay else 1.0


def parameter_groups(learner: nn.Module, stage: Stage) -> list[dict]:
    """The parameters that a stage trains, the tower's apart; all others stop asking for gradients."""
    tower: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in learner.named_parameters():
        parameter.requires_grad_(name.startswith(stage.trainable))
        if parameter.requires_grad:
            (tower if ".vision_tower." in name else rest).append(parameter)
    rates = (stage.vision_learning_rate or stage.learning_rate, stage.learning_rate)
    return [
        {"params": parameters, "lr": rate, "peak": rate}
        for parameters, rate in zip((tower, rest), rates, strict=True)
        if parameters
    ]


def write_at_once(path: Path, save: Callable[[Path], None]) -> None:
    """Writes a file through `save`, so that a kill while it writes leaves what was there before."""
    unfinished = path.with_suffix(".tmp")
    save(unfinished)
    unfinished.replace(path)


class Trainer:
    """Runs stages of a recipe in a folder.

    Args:
        learner: The model with its helpers, in bfloat16.
        data: Where batches come from.
        folder: Takes a checkpoint of every stage, `log.jsonl`, and a snapshot of the stage in progress.
        answers: The objective of the stages that learn to answer, "masked" or "autoregressive".
        seed: Seeds data and masks.
        workers: Processes that prepare batches; 0 prepares them in this one.
    """

    def __init__(
        self, learner: Learner, data: SceneData, folder: Path, answers: str = "masked", seed: int = 0, workers: int = 0
    ):
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)  # no objective uses every part
        self.accelerator = Accelerator(kwargs_handlers=[unused])
        self.learner = learner.to(self.accelerator.device)
        self.data, self.folder, self.answers, self.seed, self.workers = data, folder, answers, seed, workers
        folder.mkdir(parents=True, exist_ok=True)

    def objective(self, stage: Stage) -> str:
        """What a stage minimizes in this run."""
        return self.answers if stage.objective == ANSWERS else stage.objective

    def checkpoint(self, stage: Stage) -> Path:
        """Where a stage's weights are written when it is done. Stages that all runs share, they share here, too."""
        return self.folder / f"{self.name(stage)}.safetensors"

    def name(self, stage: Stage) -> str:
        """What a stage is called in the folder and in its log."""
        return stage.name + ("" if stage.shared else f"-{self.answers}-{stage.steps}{again(stage.epochs)}")

    def load(self, stages: tuple[Stage, ...]) -> None:
        """Loads what finished stages wrote, in their order."""
        for stage in stages:
            if self.checkpoint(stage).exists():
                self.learner.load_state_dict(load_file(self.checkpoint(stage)), strict=False)

    def run(self, stages: tuple[Stage, ...], only: str | None = None) -> None:
        """Trains the stages that are not done yet, or only the named one."""
        for index, stage in enumerate(stages):
            if (only or stage.name) == stage.name and not self.checkpoint(stage).exists():
                self.load(stages[:index])
                self._train(stage)
        self.load(stages)

    def _train(self, stage: Stage) -> None:
        if stage.objective == "widen":
            self.learner.remember()
        optimizer = MasterAdamW(parameter_groups(self.learner, stage), betas=(0.9, 0.98), weight_decay=0.01)
        learner = self.accelerator.prepare_model(self.learner)
        snapshot = self.folder / f"{self.name(stage)}.resume.pt"
        start = 0
        if snapshot.exists():
            saved = torch.load(snapshot, map_location="cpu", weights_only=True)
            optimizer.restore(saved)
            start = saved["steps"]
        main = self.accelerator.is_main_process
        batches = self._batches(stage, start)
        bar = tqdm(batches, self.name(stage), initial=start, total=stage.steps, mininterval=5, disable=not main)
        losses: list[float] = []
        saved_at = time.monotonic()
        for step, batch in enumerate(bar, start):
            losses.append(self._step(learner, stage, step, batch, optimizer))
            if main and ((step + 1) % LOG_EVERY == 0 or step + 1 == stage.steps):
                loss = sum(losses) / len(losses)
                bar.set_postfix(loss=f"{loss:.4f}")
                self._log({"stage": self.name(stage), "step": step + 1, "loss": loss, "seconds": time.time()})
                losses.clear()
            if main and time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                write_at_once(snapshot, lambda path: torch.save(optimizer.snapshot(), path))
                saved_at = time.monotonic()
        optimizer.publish(optimizer.average)
        if main:
            self._finish(stage, snapshot)
        self.accelerator.wait_for_everyone()

    def _finish(self, stage: Stage, snapshot: Path) -> None:
        """Logs what the stage has come to, and writes what it trained."""
        self._log({"stage": self.name(stage), "step": stage.steps, **self.held_out(stage)})
        trained = {n: p.detach().clone() for n, p in self.learner.named_parameters() if p.requires_grad}
        write_at_once(self.checkpoint(stage), lambda path: save_file(trained, path))
        snapshot.unlink(missing_ok=True)

    def _batches(self, stage: Stage, start: int) -> Iterator[Batch]:
        loader = DataLoader(
            StageData(self.data, stage, f"train-{self.seed}-{self.accelerator.process_index}"),
            batch_size=None,
            sampler=range(start, stage.steps),
            num_workers=self.workers,
        )
        for batch in loader:
            yield batch.to(self.accelerator.device)

    def _step(self, learner: nn.Module, stage: Stage, step: int, batch: Batch, optimizer: MasterAdamW) -> float:
        rank, ranks = self.accelerator.process_index, self.accelerator.num_processes
        generator = torch.Generator(self.accelerator.device).manual_seed((self.seed * 1_000_003 + step) * ranks + rank)
        loss, _ = learner(batch, self.objective(stage), generator, stage.pixels, stage.masking)
        optimizer.zero_grad()
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(optimizer.half, 1.0)  # what rests may have gradients of earlier stages
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * learning_rate_factor(stage, step)
        optimizer.step()
        return loss.item()

    @torch.no_grad()
    def held_out(self, stage: Stage, batches: int = 12) -> dict:
        """Figures on scenes that no run trains on: loss, and the share of answers solved in one step, by kind."""
        figures: dict[str, list[float]] = {}
        objective = self.objective(stage)
        generator = torch.Generator(self.accelerator.device).manual_seed(0)
        for index in range(batches):
            batch = stage_batch(self.data, stage, f"held-out/{index}").to(self.accelerator.device)
            loss, extra = self.learner(batch, objective, generator, stage.pixels)
            for name, value in {"held_out_loss": loss.item(), **extra}.items():
                figures.setdefault(name, []).append(value)
            if objective in ("masked", "autoregressive"):
                for kind, solved in self.learner.solved(batch, objective, stage.pixels).items():
                    figures.setdefault(kind, []).extend(solved)
        return {name: round(sum(values) / len(values), 4) for name, values in figures.items()}

    def _log(self, record: dict) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")
