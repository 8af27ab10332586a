// Joins a canvas to the component of the page it stands in; see token_canvas in lladav/ui/canvas.py.
const on = { done: () => trigger("done"), stopped: (at) => trigger("stopped", at) };
if (props.editable) Object.assign(on, { edit: (edit) => trigger("edit", edit), undo: () => trigger("undo") });
const canvas = tokenCanvas(element.querySelector(".tc"), on);
watch("value", () => canvas.update(props.value));
canvas.update(props.value);
