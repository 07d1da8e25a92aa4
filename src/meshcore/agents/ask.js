import { spawn } from "node:child_process"

const COMMAND = ["meshtui", "hook"]
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

