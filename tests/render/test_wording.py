"""What is said about a run."""

from dataclasses import replace

from lladav import SamplingConfig, Trace
from lladav.render.wording import summary


def test_a_run_is_summed_up_in_a_line(trace: Trace):
    plain = replace(trace, model="tiny", config=SamplingConfig(32, 32, 16))
    assert summary(plain) == "tiny  ·  32 tokens, 16 steps"
    config = SamplingConfig(32, 8, 16, temperature=0.5, cfg_scale=2, remasking="random", refresh_interval=4)
    edited = replace(plain, config=config, edit="re-masked 2 tokens")
    settings = "32 tokens, blocks of 8, 16 steps, temperature 0.5, cfg scale 2, refresh interval 4, random remasking"
    assert summary(edited) == f"tiny  ·  {settings}  ·  re-masked 2 tokens"
