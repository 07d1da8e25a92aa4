const EDITS = ["edit", "write", "patch", "multiedit", "apply_patch"]

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
