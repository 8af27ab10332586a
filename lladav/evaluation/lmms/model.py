"""The model "lladav" of lmms-eval."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from loguru import logger  # lmms-eval's
from tqdm.auto import tqdm

from lladav.checks import require
from lladav.evaluation.command import DTYPES
from lladav.evaluation.lmms.settings import TaskSettings, task_settings
from lladav.messages import Messages
from lladav.pipeline import LladaVPipeline, default_model


class LladaV(lmms):
    """Answers the questions of a task under its `task_settings`.

    Args:
        pretrained: directory or hub id; by default the demo's model.
        device, dtype, quantization: as in `LladaVPipeline.from_pretrained`, the type by its name.
        batch_size: how many questions are asked at once.
    """

    is_simple = False  # it is asked in messages

    def __init__(
        self,
        pretrained: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        quantization: str | None = None,
        batch_size: int | str = 1,
    ):
        super().__init__()
        whole = str(batch_size).isdecimal() and int(batch_size) > 0
        require(whole, "batch_size", "a positive whole number", batch_size)
        require(dtype in (*DTYPES, None), "dtype", f"one of {', '.join(DTYPES)}", dtype)
        self.batch_size = int(batch_size)
        self.pipe = LladaVPipeline.from_pretrained(
            pretrained or default_model(), device, getattr(torch, dtype) if dtype else None, quantization
        )

    @property
    def device(self) -> torch.device:
        return self.pipe.device

    def generate_until(self, requests: Sequence[Instance]) -> list[GenerationResult]:
        """Answer every request, in their order."""
        by_settings: dict[tuple[str, TaskSettings], list[int]] = defaultdict(list)
        for number, request in enumerate(requests):
            _, _, generation_kwargs, _, task, _ = request.args
            by_settings[task, task_settings(task, generation_kwargs)].append(number)
        answers: dict[int, GenerationResult] = {}
        with tqdm(total=len(requests), desc="questions", disable=self.rank != 0) as progress:
            for (task, settings), numbers in by_settings.items():
                logger.info(f"{task}: {settings}")
                at_once = self.batch_size if settings.config.alone is None else 1
                for start in range(0, len(numbers), at_once):
                    some = numbers[start : start + at_once]
                    conversations = [self._messages(requests[number]) for number in some]
                    answers.update(zip(some, self._answers(conversations, settings), strict=True))
                    progress.update(len(some))
        return [answers[number] for number in range(len(requests))]

    def _messages(self, request: Instance) -> Messages:
        _, doc_to_messages, _, doc_id, task, split = request.args
        return doc_to_messages(self.task_dict[task][split][doc_id])

    def _answers(self, conversations: Sequence[Messages], settings: TaskSettings) -> list[GenerationResult]:
        *_, last = self.pipe.stream_batch(conversations, settings.config, settings.thinking)
        return [
            GenerationResult(self.pipe.text(step), TokenCounts(output_tokens=len(step.answer_ids))) for step in last
        ]

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> list[str]:
        """Refuse: tasks of this kind ask again after an answer."""
        raise NotImplementedError("lladav answers one question a document: choose tasks of output_type generate_until")

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        """Refuse: masked diffusion has a bound on the likelihood of an answer, and not the likelihood."""
        raise NotImplementedError(
            "lladav knows no likelihoods, only a bound on them that has to be sampled: "
            "choose tasks of output_type generate_until"
        )
