// One way in which a provider fails, asked for by clients of every dialect, whole and streamed: through a
// route that has nobody else, and through one that has. Each answer is right, a right refusal, or wrong.

import { Counter, Trend } from 'k6/metrics';
import { CLIENTS, ask, closedLoop, events, prompt, said, summary } from './lib.js';

const ROUTES = ['alone', 'held'];
// Some faults are those of streams alone.
const KINDS = __ENV.STREAMS ? [true] : [true, false];
const WAYS = CLIENTS.flatMap((client) => KINDS.map((stream) => ({ client, stream })));
const TEXT = prompt();

// Told apart by route: what came of each request, and how long it took.
const seen = Object.fromEntries(
  ROUTES.map((route) => [
    route,
    {
      right: new Counter(`right_${route}`),
      refused: new Counter(`refused_${route}`),
      wrong: new Counter(`wrong_${route}`),
      took: new Trend(`took_${route}`, true),
    },
  ]),
);

export const options = { ...closedLoop(), thresholds: {} };

// Whether a body is an error as a client of this dialect reads it.
function isError(client, body) {
  const error = body && body.error;
  if (!error || typeof error.message !== 'string' || error.message === '') return false;
  return { openai: 'type' in error, anthropic: body.type === 'error', gemini: 'status' in error }[client];
}

// Whether what came says in the client's own words that there is no answer, or not all of it.
function refuses(client, response, stream) {
  try {
    if (response.status !== 200) return isError(client, response.json());
    return stream && events(response.body).some((data) => data !== '[DONE]' && isError(client, JSON.parse(data)));
  } catch (_) {
    return false;
  }
}

export default function () {
  const route = ROUTES[__ITER % 2];
  const { client, stream } = WAYS[Math.floor(__ITER / 2) % WAYS.length];
  const response = ask(client, `${route}-${__ENV.FAULT}`, TEXT, stream, `${route} ${__ENV.FAULT}`);
  const mine = seen[route];
  mine.took.add(response.timings.duration);
  if (response.status === 200 && said(client, response, stream).whole) mine.right.add(1);
  else if (refuses(client, response, stream)) mine.refused.add(1);
  else {
    mine.wrong.add(1);
    console.error(`${route} ${__ENV.FAULT} ${client} ${stream}: ${response.status} ${String(response.body).slice(0, 200)}`);
  }
}

export const handleSummary = summary;
