// Streamed answers: an OpenAI client, one model (MODEL, as in chat-json.js), EVENTS tokens that the
// provider writes one by one, RATE a second.
//
// `ttft` is the time from the end of the request to the first byte of the answer. k6 keeps a body
// back until it is complete, so the arrival of the first event itself cannot be seen from a script.
// The fake provider writes its head and first event together, so the two differ by what the gateway
// needs to pass one event on.

import { check } from 'k6';
import { Trend } from 'k6/metrics';
import { ask, closedLoop, prompt, said, summary } from './lib.js';

const MODEL = __ENV.MODEL || 'gpt-4o-mini';
const TOKENS = Number(__ENV.EVENTS || 100);
const PROMPT = prompt(`tokens=${TOKENS} rate=${__ENV.RATE || 1000}`);

const ttft = new Trend('ttft', true);

export const options = closedLoop({ ttft: ['max<5000'] });

export default function () {
  const response = ask('openai', MODEL, PROMPT, true);
  ttft.add(response.timings.waiting);
  const answer = said('openai', response, true);
  check(response, {
    'answers 200': (r) => r.status === 200,
    'is a stream': (r) => String(r.headers['Content-Type']).startsWith('text/event-stream'),
    'the stream is whole': () => answer.whole,
    'no token is missing': () => answer.text.split(' ').length === TOKENS,
  });
}

export const handleSummary = summary;
