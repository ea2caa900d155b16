// A program with the libraries of OpenAI and Anthropic: what it does, one line each. Run by
// test_real_clients.py with OPENAI_BASE_URL, OPENAI_API_KEY, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY, MODEL.
//
//     models_client.mjs basics    every way to ask, once
//     models_client.mjs refused   one call of each library that is refused: status, code, how many calls
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const model = process.env.MODEL;
const say = (...words) => console.log(...words);
const asked = { openai: 0, anthropic: 0 };
const counting = (name) => (url, options) => { asked[name] += 1; return fetch(url, options); };
const openai = new OpenAI({ fetch: counting('openai') });
const anthropic = new Anthropic({ fetch: counting('anthropic') });
const messages = [{ role: 'user', content: 'Say hello' }];
const tools = [{ name: 'echo', description: 'says it again',
  input_schema: { type: 'object', properties: { text: { type: 'string' } } } }];

async function chat() {
  const whole = await openai.chat.completions.create({ model, messages });
  say('chat', whole.choices[0].message.content, whole.usage.completion_tokens);
  const stream = await openai.chat.completions.create({ model, messages, stream: true,
    stream_options: { include_usage: true } });
  let text = '', usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  say('chat stream', text, usage.completion_tokens);
  const called = await openai.chat.completions.create({ model, messages, tools: [
    { type: 'function', function: { name: 'echo', parameters: tools[0].input_schema } }] });
  const call = called.choices[0].message.tool_calls[0].function;
  say('chat tool', call.name, call.arguments);
}

async function responses() {
  const whole = await openai.responses.create({ model, input: 'Say hello' });
  say('response', whole.output_text, whole.usage.output_tokens);
  const stream = openai.responses.stream({ model, input: 'Say hello' });
  const last = await stream.finalResponse();
  say('response stream', last.output_text, last.usage.output_tokens);
}

async function others() {
  const made = await openai.embeddings.create({ model: 'standin-embedding', input: ['a', 'b'],
    encoding_format: 'float' });
  say('embeddings', made.data.length);
  say('models', (await openai.models.list()).data.length > 0, (await anthropic.models.list()).data.length > 0);
}

async function claude() {
  const max_tokens = 1000;
  const whole = await anthropic.messages.create({ model, max_tokens, messages });
  say('message', whole.content[0].text, whole.usage.output_tokens);
  const last = await anthropic.messages.stream({ model, max_tokens, messages }).finalMessage();
  say('message stream', last.content[0].text, last.usage.output_tokens, last.stop_reason);
  const used = await anthropic.messages.stream({ model, max_tokens, messages, tools }).finalMessage();
  say('message tool', used.content[0].name, JSON.stringify(used.content[0].input), used.stop_reason);
  const count = await anthropic.messages.countTokens({ model, messages });
  say('count', count.input_tokens > 0);
}

async function refused() {
  for (const [name, ask] of [
    ['openai', () => openai.chat.completions.create({ model, messages })],
    ['anthropic', () => anthropic.messages.create({ model, max_tokens: 1000, messages })],
  ]) {
    try {
      await ask();
      say(name, 'was answered');
    } catch (error) {
      say(name, error.status, error.type ?? error.error?.error?.type, `calls ${asked[name]}`);
    }
  }
}

if (process.argv[2] === 'refused') {
  await refused();
} else {
  await chat();
  await responses();
  await others();
  await claude();
}
