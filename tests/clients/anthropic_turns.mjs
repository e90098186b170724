// Two turns, the first whole and the second streamed; prints what was told as JSON lines.
import Anthropic from "@anthropic-ai/sdk";

const [first, second] = process.argv.slice(2);
const client = new Anthropic({ maxRetries: 0 });
const asked = { model: "claude-opus-5-5", max_tokens: 100 };

function tell(message) {
  console.log(JSON.stringify({ text: message.content[0].text, usage: message.usage }));
}

const messages = [{ role: "user", content: first }];
const answer = await client.messages.create({ ...asked, messages });
tell(answer);

messages.push({ role: "assistant", content: answer.content }, { role: "user", content: second });
tell(await client.messages.stream({ ...asked, messages }).finalMessage());
