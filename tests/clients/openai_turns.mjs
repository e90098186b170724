// Two turns in each of the SDK's two dialects; prints what was told as JSON lines.
import OpenAI from "openai";

const [first, second] = process.argv.slice(2);
const model = "gpt-5.5";
const client = new OpenAI({ maxRetries: 0 });

function tell(api, text, usage) {
  console.log(JSON.stringify({ api, text, usage }));
}

async function chat(messages, options) {
  let text = "";
  let usage = null;
  const stream = await client.chat.completions.create({ model, messages, stream: true, ...options });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  tell("chat", text, usage);
  return [...messages, { role: "assistant", content: text }];
}

const history = await chat([{ role: "user", content: first }], { stream_options: { include_usage: true } });
await chat([...history, { role: "user", content: second }], { stream_options: { include_usage: true } });

const whole = await client.responses.create({ model, input: first });
tell("responses", whole.output_text, whole.usage);
const next = { model, input: second, previous_response_id: whole.id, stream: true };
for await (const event of await client.responses.create(next)) {
  if (event.type === "response.completed") {
    tell("responses", event.response.output[0].content[0].text, event.response.usage);
  }
}
