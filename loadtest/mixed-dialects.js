// Every client dialect against every provider, streamed and whole: eighteen combinations in turn.
// The provider says the prompt back, so a character lost or bent on the way is seen.

import exec from 'k6/execution';
import { check } from 'k6';
import { CLIENTS, ask, closedLoop, said, summary } from './lib.js';

const MODELS = ['gpt-4o-mini', 'claude-sonnet-4-5', 'gemini-2.5-flash'];
const TEXT = 'Grüße, "quotes", a back\\slash, a\ttab,\nnew lines, 東京 🏔️ and </script>';

const COMBINATIONS = CLIENTS.flatMap((client) =>
  MODELS.flatMap((model) => [true, false].map((stream) => ({ client, model, stream }))),
);

export const options = closedLoop();

export default function () {
  const turn = exec.scenario.iterationInTest;
  const { client, model, stream } = COMBINATIONS[turn % COMBINATIONS.length];
  const name = `${client} to ${model} ${stream ? 'streamed' : 'whole'}`;
  const text = `${turn}: ${TEXT}`;
  const response = ask(client, model, `#mock echo\n${text}`, stream, name);
  const answer = said(client, response, stream);
  check(response, {
    [`${name}: 200`]: (r) => r.status === 200,
    [`${name}: whole`]: () => answer.whole,
    [`${name}: says what was asked`]: () => answer.text === text,
  });
}

export const handleSummary = summary;
