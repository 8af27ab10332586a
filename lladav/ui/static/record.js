// The record of one decoding run, as every view of it reads it.
//
// A state (made by lladav/canvas_state.py) carries the whole run so far:
//   run     name of the run; another name is another history
//   length, block, steps, seed       the run's settings (block: tokens per block)
//   given   [[position, piece], …]   tokens that were there before the first step
//   pins    [position, …]            those of them that a person chose
//   edit    what was changed in another run to make this one, or null
//   editable  whether it may be edited on a page that can do that
//   note      what to know of the run beforehand, if anything
//   live    whether the run goes on while it is shown; play: whether it is played from its first step
//   pieces  ["<id> <kind><piece>", …], kind: t text, s special token
//   log     one JSON array a step: [step, nfe, milliseconds, block, position of the stop or null,
//             [[position, piece, confidence ‰], …]                committed in this step
//             [[position, piece, %, piece, %, …], …]]             alternatives that changed
//   text    the final answer, or null while decoding
//   finish  "idle" before the first run, null while decoding, then "stop", "length" or "stopped"

const MASK = "░";

function readPiece(entry) {
  const space = entry.indexOf(" ");
  return { id: Number(entry.slice(0, space)), kind: entry[space + 1], text: entry.slice(space + 2) };
}

function runRecord() {
  const record = {
    state: null, pieces: [],
    steps: [],        // {step, nfe, ms, block, stop, commits, masks: how many are left}
    tokens: [],       // what each position holds in the end: {step, piece, confidence}; step 0 where it was given
    beliefs: [],      // for each position [[step, [{piece, share}, …]], …]
  };

  // Reads what is new in a state; true where it begins another run.
  record.read = (state) => {
    const fresh = !record.state || state.run !== record.state.run;
    record.state = state;
    if (fresh) Object.assign(record, { pieces: [], steps: [], tokens: [] });
    if (fresh) record.beliefs = Array.from({ length: state.length }, () => []);
    record.pieces.push(...state.pieces.slice(record.pieces.length).map(readPiece));
    if (fresh)
      for (const [position, piece] of state.given)
        record.tokens[position] = { step: 0, piece: record.pieces[piece], confidence: 1 };
    state.log.slice(record.steps.length).forEach(readStep);
    return fresh;
  };

  function readStep(line) {
    const [step, nfe, ms, block, stop, commits, beliefs] = JSON.parse(line);
    for (const [position, piece, permille] of commits)
      record.tokens[position] = { step, piece: record.pieces[piece], confidence: permille / 1000 };
    for (const [position, ...pairs] of beliefs) {
      const alternatives = [];
      for (let i = 0; i < pairs.length; i += 2)
        alternatives.push({ piece: record.pieces[pairs[i]], share: pairs[i + 1] / 100 });
      record.beliefs[position].push([step, alternatives]);
    }
    let masks = 0;
    for (let position = 0; position < (stop ?? record.state.length); position++)
      if (!record.tokens[position]) masks++;
    record.steps.push({ step, nfe, ms, block, stop, commits, masks });
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
  record.beliefAt = (position, step) => record.beliefs[position].findLast(([at]) => at <= step)?.[1] ?? [];

  // Where the stop begins; from there on nothing is part of the answer.
  record.endAt = (step) => record.steps[step]?.stop ?? record.state.length;

  record.textAt = (step) => {
    let text = "";
    for (let position = 0; position < record.endAt(step); position++) {
      const token = record.tokenAt(position, step);
      if (!token) text += MASK;
      else if (token.piece.kind === "t") text += token.piece.text;
    }
    return text.trim();
  };

  record.masksAt = (step) => record.steps[step]?.masks ?? record.state.length;

  // The step that an alternative for a position is taken up from: the one on show, or if that leaves nothing to fill,
  // the one in which the position was decided.
  record.branchStep = (position, step) =>
    record.masksAt(step) ? step : record.tokenAt(position, step)?.step || step;

  // The last step, as far as is known.
  record.lastStep = () => record.state.finish ? record.steps.length - 1 : record.state.steps;

  // How many tokens the model has committed up to a step.
  record.countAt = (step) => record.tokens.filter((token) => token && token.step > 0 && token.step <= step).length;

  // Mean confidence of the tokens that a step committed, null where there is none.
  record.sureness = (step) => {
    const commits = record.steps[step]?.commits ?? [];
    return commits.length ? commits.reduce((sum, commit) => sum + commit[2], 0) / commits.length / 1000 : null;
  };

  return record;
}
