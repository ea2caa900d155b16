// A program with the two lines of MCP's own library: what it does, one line each. Run by
// test_real_clients.py with MCP_URL and MCP_TOKEN.
//
//     mcp_client.mjs sessions   revision 2025-11-25, @modelcontextprotocol/sdk
//     mcp_client.mjs stateless  revision 2026-07-28, @modelcontextprotocol/client
const era = process.argv[2];
const url = new URL(process.env.MCP_URL);
const options = { requestInit: { headers: { authorization: `Bearer ${process.env.MCP_TOKEN}` } } };
const say = (...words) => console.log(...words);
const about = { name: 'reeve-test', version: '1.0.0' };

async function connected() {
  if (era === 'sessions') {
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
    const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const client = new Client(about);
    await client.connect(new StreamableHTTPClientTransport(url, options));
    return client;
  }
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const client = new Client(about, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new StreamableHTTPClientTransport(url, options));
  return client;
}

async function tried(what, act) {
  try {
    const made = await act();
    say(what, made.isError ? 'error' : 'ok', made.content[0].text);
  } catch (error) {
    say(what, 'refused', error.code);
  }
}

const client = await connected();
const { tools } = await client.listTools();
say('tools', tools.map((tool) => tool.name).sort().join(','));
const echo = tools.find((tool) => tool.name.endsWith('echo')).name;
await tried('echo', () => client.callTool({ name: echo, arguments: { text: 'hello' } }));
await tried('wrong', () => client.callTool({ name: echo, arguments: { text: 7, more: true } }));
await tried('missing', () => client.callTool({ name: 'nothing', arguments: {} }));
let beats = 0;
const waited = await client.callTool({ name: echo, arguments: { text: 'beats' } }, ...(era === 'sessions' ? [undefined] : []),
  { onprogress: () => { beats += 1; } });
say('beats', beats > 0, waited.content[0].text);
await client.close();
