// What the scripts share: where the gateway is, what a request looks like in each dialect, and how
// an answer is read back out of JSON and out of a stream.

import http from 'k6/http';

export const BASE = __ENV.BASE || 'http://127.0.0.1:8080';
export const KEY = __ENV.KEY || 'loadtest';

// k6 reports these numbers to the driver, which writes them beside the gateway's own CPU and memory.
const STATS = ['count', 'min', 'avg', 'med', 'p(95)', 'p(99)', 'max'];

// Options for a closed loop of VUS clients over DURATION, in which nothing at all may fail.
export function closedLoop(thresholds = {}) {
  return {
    vus: Number(__ENV.VUS || 16),
    duration: __ENV.DURATION || '10s',
    summaryTrendStats: STATS,
    thresholds: { checks: ['rate==1'], http_req_failed: ['rate==0'], ...thresholds },
  };
}

// The summary as JSON for the driver, if it named a file; the failed checks for whoever watches.
export function summary(data) {
  const out = {};
  if (__ENV.SUMMARY) out[__ENV.SUMMARY] = JSON.stringify(data);
  const failed = data.root_group.checks.filter((check) => check.fails > 0);
  const lines = failed.map((check) => `FAILED ${check.name}: ${check.fails} of ${check.fails + check.passes}\n`);
  out.stdout = lines.join('');
  return out;
}

// A prompt of about 1.8 KB, as long as a question with some context is.
const FILLER = 'The quick brown fox jumps over the lazy dog while the gateway counts its tokens. ';
export function prompt(directive = '') {
  return `${FILLER.repeat(19)}What follows from this?${directive ? `\n#mock ${directive}` : ''}`;
}

const MESSAGES = {
  openai: (model, text, stream) => ({
    path: '/v1/chat/completions',
    headers: { Authorization: `Bearer ${KEY}` },
    body: {
      model,
      stream,
      ...(stream ? { stream_options: { include_usage: true } } : {}),
      messages: [
        { role: 'system', content: 'You are terse.' },
        { role: 'user', content: text },
      ],
    },
  }),
  anthropic: (model, text, stream) => ({
    path: '/v1/messages',
    headers: { 'x-api-key': KEY, 'anthropic-version': '2023-06-01' },
    body: {
      model,
      stream,
      max_tokens: 1000,
      system: 'You are terse.',
      messages: [{ role: 'user', content: text }],
    },
  }),
  gemini: (model, text, stream) => ({
    path: `/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    headers: { 'x-goog-api-key': KEY },
    body: {
      systemInstruction: { parts: [{ text: 'You are terse.' }] },
      contents: [{ role: 'user', parts: [{ text }] }],
    },
  }),
};

export const CLIENTS = Object.keys(MESSAGES);

// What makes an answer the answer for all who ask the same, in the client's dialect.
const strictly = (client) => (client === 'gemini' ? { generationConfig: { temperature: 0 } } : { temperature: 0 });

// Asks in the client's dialect. `name` groups the requests in k6's numbers; with `strict` they may be answered from
// the cache, which `more` headers can say something to.
export function ask(client, model, text, stream, name, strict = false, more = {}) {
  const { path, headers, body } = MESSAGES[client](model, text, stream);
  const asked = strict ? { ...body, ...strictly(client) } : body;
  return http.post(BASE + path, JSON.stringify(asked), {
    headers: { 'Content-Type': 'application/json', ...headers, ...more },
    tags: { name: name || `${client} ${stream ? 'stream' : 'json'}` },
    timeout: '60s',
  });
}

// The data of every event of a stream.
export function events(body) {
  return String(body)
    .split(/\r?\n\r?\n/)
    .map((frame) =>
      frame
        .split(/\r?\n/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trim())
        .join('\n'),
    )
    .filter((data) => data !== '');
}

const READ_JSON = {
  openai: (reply) => ({
    text: reply.choices[0].message.content,
    end: reply.choices[0].finish_reason,
    input: reply.usage.prompt_tokens,
    output: reply.usage.completion_tokens,
  }),
  anthropic: (reply) => ({
    text: reply.content.filter((block) => block.type === 'text').map((block) => block.text).join(''),
    end: reply.stop_reason,
    input: reply.usage.input_tokens,
    output: reply.usage.output_tokens,
  }),
  gemini: (reply) => ({
    text: reply.candidates[0].content.parts.filter((part) => !part.thought).map((part) => part.text).join(''),
    end: reply.candidates[0].finishReason,
    input: reply.usageMetadata.promptTokenCount,
    output: reply.usageMetadata.candidatesTokenCount,
  }),
};

const READ_EVENT = {
  openai: (event, said) => {
    for (const choice of event.choices) {
      said.text += choice.delta.content || '';
      said.end = choice.finish_reason || said.end;
    }
    if (event.usage) {
      said.input = event.usage.prompt_tokens;
      said.output = event.usage.completion_tokens;
    }
  },
  anthropic: (event, said) => {
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') said.text += event.delta.text;
    if (event.type === 'message_start') said.input = event.message.usage.input_tokens;
    if (event.type === 'message_delta') {
      said.end = event.delta.stop_reason;
      said.input = event.usage.input_tokens || said.input;
      said.output = event.usage.output_tokens;
    }
    if (event.type === 'message_stop') said.closed = true;
  },
  gemini: (event, said) => {
    for (const candidate of event.candidates || []) {
      for (const part of (candidate.content && candidate.content.parts) || []) {
        if (!part.thought) said.text += part.text || '';
      }
      said.end = candidate.finishReason || said.end;
    }
    if (event.usageMetadata) {
      said.input = event.usageMetadata.promptTokenCount;
      said.output = event.usageMetadata.candidatesTokenCount;
    }
  },
};

const ENDS = { openai: 'stop', anthropic: 'end_turn', gemini: 'STOP' };

// What an answer says: its text, and whether it is whole. A body that cannot be read says nothing.
export function said(client, response, stream) {
  const said = { text: '', end: null, input: 0, output: 0, closed: client === 'gemini', events: 0 };
  try {
    if (!stream) {
      Object.assign(said, READ_JSON[client](response.json()), { closed: true });
    } else {
      for (const data of events(response.body)) {
        said.events += 1;
        if (data === '[DONE]') said.closed = true;
        else READ_EVENT[client](JSON.parse(data), said);
      }
    }
  } catch (error) {
    said.unreadable = String(error);
  }
  said.whole = !said.unreadable && said.closed && said.end === ENDS[client] && said.input > 0 && said.output > 0;
  return said;
}
