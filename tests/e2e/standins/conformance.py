"""The tools that MCP's conformance suite asks a server for, by the names that it knows."""

import base64

from mcp_server import Tool

# One grey point.
IMAGE = base64.b64encode(bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c6368000000820081"
    "77cd72b60000000049454e44ae426082")).decode()  # fmt: skip
SOUND = base64.b64encode(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0").decode()


def _text(text):
    return {"type": "text", "text": text}


def _resource(text):
    return {"type": "resource", "resource": {
        "uri": "test://embedded-resource", "mimeType": "text/plain", "text": text}}  # fmt: skip


def _image():
    return {"type": "image", "data": IMAGE, "mimeType": "image/png"}


def fixture_tools():
    """Of the scenarios `tools-*`; what servers ask of clients is not among them."""
    mixed = [_text("Multiple content types test:"), _image(), _resource("in between")]
    contents = {
        "test_simple_text": [_text("This is a simple text response for testing.")],
        "test_image_content": [_image()],
        "test_audio_content": [{"type": "audio", "data": SOUND, "mimeType": "audio/wav"}],
        "test_embedded_resource": [_resource("This is an embedded resource content.")],
        "test_multiple_content_types": mixed,
    }
    tools = [Tool(name, result={"content": content}) for name, content in contents.items()]
    failed = {"content": [_text("This tool intentionally returns an error for testing")], "isError": True}
    tools.append(Tool("test_error_handling", result=failed))
    tools.append(Tool("test_tool_with_logging", result="done", logs=3))
    tools.append(Tool("test_tool_with_progress", result="done", beats=3))
    return tools
