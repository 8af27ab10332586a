"""The endpoints as tools of the Model Context Protocol, through its own client."""

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from helpers import awaited, held_out, picture_message, picture_url

from lladav import LladaVPipeline
from lladav.sampling.completion import completed
from lladav.ui.app import build_app, launch

mcp = pytest.importorskip("mcp", reason="mcp is not installed")
QUESTION = "What is this?"
SETTINGS = {"gen_length": 8, "steps": 4}


@pytest.fixture(scope="module")
def address(tiny_pipeline: LladaVPipeline) -> Iterator[str]:
    demo = build_app(tiny_pipeline)
    _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True, mcp_server=True)
    yield url
    demo.close()


def with_session(address: str, use):
    """What `use` returns for a session of a client."""
    from mcp.client.streamable_http import streamablehttp_client

    async def connected():
        async with (
            streamablehttp_client(f"{address}gradio_api/mcp/") as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await use(session)

    return awaited(connected())


def sampled(address: str, **arguments: Any):
    """What the tool for asking returns."""

    async def use(session):
        tools = (await session.list_tools()).tools
        name = next(tool.name for tool in tools if tool.name.endswith("sample"))
        return await session.call_tool(name, arguments)

    return with_session(address, use)


def test_tools_say_what_they_do_and_what_they_take(address: str):
    tools = {tool.name: tool for tool in with_session(address, lambda session: session.list_tools()).tools}
    assert {name.rpartition("_")[2] or name for name in tools} >= {"sample", "infill", "branch", "compare", "export"}
    sample = next(tool for name, tool in tools.items() if name.endswith("sample"))
    assert sample.description.startswith("Answer a question about a picture by refining a canvas of masks")
    described = sample.inputSchema["properties"]
    assert "SamplingConfig" in described["settings"]["description"] and described["message"]["description"]


def test_a_tool_answers_about_a_picture(address: str, tiny_pipeline: LladaVPipeline):
    message = picture_message(QUESTION)
    image = picture_url(message["content"][0]["image"])
    expected = tiny_pipeline([message], completed(SETTINGS))
    result = sampled(address, message=QUESTION, image=image, settings=SETTINGS)
    assert not result.isError, result.content
    update = ast.literal_eval(result.content[0].text)
    assert (update["text"], update["nfe"]) == (expected.text, expected.nfe)


@pytest.mark.parametrize("kind", ["name", "color", "count"])
def test_the_embedded_model_is_right_about_a_held_out_picture(embedded: str, kind: str):
    picture, ((question, expected),) = held_out(kind)
    result = sampled(embedded, message=question, image=picture_url(picture), settings={"method": "wino"})
    assert not result.isError, result.content
    assert ast.literal_eval(result.content[0].text)["text"] == expected


def test_a_refusal_is_a_sentence(address: str):
    result = sampled(address, message=QUESTION, settings={"speed": 3})
    assert result.isError and "a setting must be method or one of" in result.content[0].text
