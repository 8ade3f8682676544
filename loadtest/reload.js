// Load while the driver rewrites the configuration and sends SIGHUP over and over. The route
// `steady` points at another provider after each reload; no request may notice.

import { check } from 'k6';
import { ask, closedLoop, prompt, said, summary } from './lib.js';

const WHOLE = prompt();
const STREAMED = prompt('tokens=40 rate=1000');

export const options = closedLoop();

export default function () {
  const stream = __ITER % 2 === 0;
  const response = ask('openai', 'steady', stream ? STREAMED : WHOLE, stream);
  check(response, {
    'answers 200 during reloads': (r) => r.status === 200,
    'the answer is whole during reloads': (r) => said('openai', r, stream).whole,
  });
}

export const handleSummary = summary;
