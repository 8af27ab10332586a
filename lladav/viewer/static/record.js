// The record of one decoding run, as every view of it reads it.
//
// A state (made by lladav/viewer/state.py) carries the whole run so far:
//   run     name of the run; another name is another history
//   gen_length, block_length, steps, seed       the run's settings
//   template  [[position, piece], …]   tokens that were there before the first step
//   pins    [position, …]            those of them that a person chose
//   edit    what was changed in another run to make this one, or null
//   editable  whether it may be edited on a page that can do that
//   note      what to know of the run beforehand, if anything
//   live    whether the run goes on while it is shown; play: whether it is played from its first step
//   pieces  ["<id> <kind><piece>", …], kind: t text, s special token
//   log     one JSON array a step: [step, nfe, milliseconds, block, position of the stop or null,
//             [[position, piece, confidence], …]                        committed in this step
//             [[position, piece, probability, piece, probability, …], …]]  alternatives that changed
//   text    the final answer, or null while decoding
//   finish_reason  "idle" before the first run, null while decoding, then "stop", "length" or "stopped"

const MASK = "░";

function readPiece(entry) {
  const space = entry.indexOf(" ");
  return { id: Number(entry.slice(0, space)), kind: entry[space + 1], text: entry.slice(space + 2) };
}

function runRecord() {
  const record = {
    state: null, pieces: [],
    steps: [],        // {step, nfe, ms, block, stop_position, transfer_index, masks: how many are left}
    tokens: [],       // what each position holds in the end: {step, piece, confidence}; step 0 where it was given
    token_probs: [],  // for each position [[step, [{piece, probability}, …]], …]
  };

  // Reads what is new in a state; true where it begins another run.
  record.read = (state) => {
    const fresh = !record.state || state.run !== record.state.run;
    record.state = state;
    if (fresh) Object.assign(record, { pieces: [], steps: [], tokens: [] });
    if (fresh) record.token_probs = Array.from({ length: state.gen_length }, () => []);
    record.pieces.push(...state.pieces.slice(record.pieces.length).map(readPiece));
    if (fresh)
      for (const [position, piece] of state.template)
        record.tokens[position] = { step: 0, piece: record.pieces[piece], confidence: 1 };
    state.log.slice(record.steps.length).forEach(readStep);
    return fresh;
  };

  function readStep(line) {
    const [step, nfe, ms, block, stop_position, transfer_index, token_probs] = JSON.parse(line);
    for (const [position, piece, confidence] of transfer_index)
      record.tokens[position] = { step, piece: record.pieces[piece], confidence };
    for (const [position, ...pairs] of token_probs) {
      const alternatives = [];
      for (let i = 0; i < pairs.length; i += 2)
        alternatives.push({ piece: record.pieces[pairs[i]], probability: pairs[i + 1] });
      record.token_probs[position].push([step, alternatives]);
    }
    let masks = 0;
    for (let position = 0; position < (stop_position ?? record.state.gen_length); position++)
      if (!record.tokens[position]) masks++;
    record.steps.push({ step, nfe, ms, block, stop_position, transfer_index, masks });
  }

  // Forgets the steps after `step`.
  record.cut = (step) => {
    record.steps.length = step + 1;
    record.tokens = record.tokens.map((token) => token && token.step <= step ? token : undefined);
  };

  record.tokenAt = (position, step) => {
    const token = record.tokens[position];
    return token && token.step <= step ? token : undefined;
  };

  // What the model weighed for a position when it last looked there.
  record.tokenProbsAt = (position, step) => record.token_probs[position].findLast(([at]) => at <= step)?.[1] ?? [];

  // Where the stop begins; from there on nothing is part of the answer.
  record.endAt = (step) => record.steps[step]?.stop_position ?? record.state.gen_length;

  record.textAt = (step) => {
    let text = "";
    for (let position = 0; position < record.endAt(step); position++) {
      const token = record.tokenAt(position, step);
      if (!token) text += MASK;
      else if (token.piece.kind === "t") text += token.piece.text;
    }
    return text.trim();
  };

  record.masksAt = (step) => record.steps[step]?.masks ?? record.state.gen_length;

  // The step that an alternative for a position is taken up from: the one on show, or if that leaves nothing to fill,
  // the one in which the position was decided.
  record.branchStep = (position, step) =>
    record.masksAt(step) ? step : record.tokenAt(position, step)?.step || step;

  // The last step, as far as is known.
  record.lastStep = () => record.state.finish_reason ? record.steps.length - 1 : record.state.steps;

  // How many tokens the model has committed up to a step.
  record.countAt = (step) => record.tokens.filter((token) => token && token.step > 0 && token.step <= step).length;

  // Mean confidence of the tokens that a step committed, null where there is none.
  record.confidenceAt = (step) => {
    const committed = record.steps[step]?.transfer_index ?? [];
    return committed.length ? committed.reduce((sum, [, , confidence]) => sum + confidence, 0) / committed.length : null;
  };

  return record;
}
