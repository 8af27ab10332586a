"""Components of our own."""

from lladav.ui.components import token_canvas
from lladav.viewer.state import idle_state


def test_the_template_is_constant():
    template = token_canvas(idle_state(4)).html_template
    assert "${" not in template
    assert "{{" not in template
    assert template == token_canvas(idle_state(8)).html_template
