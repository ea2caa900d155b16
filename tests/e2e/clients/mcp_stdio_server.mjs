// A server of tools with MCP's own libraries, over standard input and output. Started by the server under test.
//
//     mcp_stdio_server.mjs sessions   revision 2025-11-25, @modelcontextprotocol/sdk
//     mcp_stdio_server.mjs stateless  revision 2026-07-28, @modelcontextprotocol/server
const about = { name: 'real', version: '1.0.0' };
const tool = {
  name: 'echo',
  description: 'Says it again.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
};

function serve(server, schemas) {
  server.setRequestHandler(schemas.list, async () => ({ tools: [tool] }));
  server.setRequestHandler(schemas.call, async (request) => ({
    content: [{ type: 'text', text: `${request.params.name} ${request.params.arguments.text}` }],
  }));
  return server;
}

if (process.argv[2] === 'sessions') {
  const { Server } = await import('@modelcontextprotocol/sdk/server/index.js');
  const { StdioServerTransport } = await import('@modelcontextprotocol/sdk/server/stdio.js');
  const types = await import('@modelcontextprotocol/sdk/types.js');
  const schemas = { list: types.ListToolsRequestSchema, call: types.CallToolRequestSchema };
  await serve(new Server(about, { capabilities: { tools: {} } }), schemas).connect(new StdioServerTransport());
} else {
  const { Server } = await import('@modelcontextprotocol/server');
  const { serveStdio } = await import('@modelcontextprotocol/server/stdio');
  const schemas = { list: 'tools/list', call: 'tools/call' };
  serveStdio(() => serve(new Server(about, { capabilities: { tools: {} } }), schemas));
}
