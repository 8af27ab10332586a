const canvas = tokenCanvas(element.querySelector(".tc"), () => trigger('done'));
watch('value', () => canvas.update(props.value));
canvas.update(props.value);
