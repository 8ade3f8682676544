// Whole answers: an OpenAI client, one model. MODEL chooses the provider, and so whether the
// gateway passes the bytes on or translates (gpt-4o-mini, claude-sonnet-4-5, gemini-2.5-flash).

import { check } from 'k6';
import { ask, closedLoop, prompt, said, summary } from './lib.js';

const MODEL = __ENV.MODEL || 'gpt-4o-mini';
const PROMPT = prompt();

export const options = closedLoop();

export default function () {
  const response = ask('openai', MODEL, PROMPT, false);
  check(response, {
    'answers 200': (r) => r.status === 200,
    'the answer is whole': (r) => said('openai', r, false).whole,
  });
}

export const handleSummary = summary;
