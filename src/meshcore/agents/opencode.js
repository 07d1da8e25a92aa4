// written by `meshtui connect opencode`; `meshtui disconnect opencode` removes it
import { spawn } from "node:child_process"

const COMMAND = ["meshtui", "hook", "opencode"]
const EDITS = ["edit", "write", "patch", "multiedit", "apply_patch"]
const LIMIT = 200000 // characters of an output that are handed on: its beginning and its end
const WAIT_MS = 12000

const cut = (text) =>
  typeof text === "string" && text.length > LIMIT ? text.slice(0, LIMIT / 2) + "\n…\n" + text.slice(-LIMIT / 2) : text

const ask = (payload) =>
  new Promise((resolve) => {
    let said = ""
    const child = spawn(COMMAND[0], COMMAND.slice(1), { stdio: ["pipe", "pipe", "ignore"] })
    const timer = setTimeout(() => resolve(""), WAIT_MS)
    const done = (text) => {
      clearTimeout(timer)
      resolve(text)
    }
    child.on("error", () => done(""))
    child.stdin.on("error", () => {})
    child.stdout.on("data", (data) => (said += data))
    child.on("close", () => done(said))
    child.stdin.end(JSON.stringify(payload))
  })

export const Meshtui = async ({ directory }) => ({
  "tool.execute.after": async (input, output) => {
    try {
      if (EDITS.includes(input.tool)) {
        const { tool, sessionID, callID, args } = input // that a file was edited is told, not what was written
        const edited = { tool, sessionID, callID, args: { filePath: args?.filePath } }
        await ask({ hook_event_name: "tool.execute.after", directory, input: edited })
        return
      }
      if (input.tool !== "bash") return
      const metadata = { ...output.metadata, output: cut(output.metadata?.output) }
      const shown = typeof output.output === "string" ? output.output.slice(-1000) : "" // says where it was cut off
      const body = { metadata, output: shown }
      const said = await ask({ hook_event_name: "tool.execute.after", directory, input, output: body })
      if (said) output.output += "\n" + said
    } catch {
      // a fault of meshtui's is never the agent's
    }
  },
})
