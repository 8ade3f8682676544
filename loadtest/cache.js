// Questions of which some were asked before: by default three of ten, most of them few ones, in every dialect, streamed
// and whole. REPEAT is the share that was (0 for none, 1 for all), CACHE what the requests say of the cache.

import { check } from 'k6';
import { Rate } from 'k6/metrics';
import { ask, CLIENTS, closedLoop, prompt, said, summary } from './lib.js';

const REPEAT = Number(__ENV.REPEAT || 0.3);
const CACHE = __ENV.CACHE || '';
const MODEL = 'gpt-4o-mini';
// All that anybody asks again.
const KNOWN = 200;
const PROMPT = prompt();

const hits = new Rate('hits');

export const options = closedLoop(CACHE === '' && REPEAT > 0 ? { hits: [`rate>${REPEAT / 3}`] } : {});

// Few are asked often, and many seldom: the share of the n-th goes with 1/n.
function popular() {
  return Math.floor(Math.exp(Math.random() * Math.log(KNOWN)));
}

export default function () {
  const again = Math.random() < REPEAT;
  const which = again ? `again ${popular()}` : `once ${__VU} ${__ITER}`;
  // The same question in whatever dialect; what is asked once is asked as most do, so that runs compare.
  const client = again ? CLIENTS[__ITER % CLIENTS.length] : 'openai';
  const stream = again && __ITER % 2 === 0;
  const headers = CACHE === '' ? {} : { 'x-tollgate-cache': CACHE };
  const response = ask(client, MODEL, `${PROMPT} ${which}`, stream, which.split(' ')[0], true, headers);
  const part = response.headers['X-Tollgate-Cache'] || '';
  hits.add(part.startsWith('hit'));
  check(response, {
    'answers 200': (r) => r.status === 200,
    'the answer is whole': (r) => said(client, r, stream).whole,
    'the cache has its part': () => (CACHE === 'off') === (part === ''),
  });
}

export const handleSummary = summary;
