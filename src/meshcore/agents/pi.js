const EDITS = ["edit", "write"]

export default function (pi) {
  pi.on("tool_result", async (event, context) => {
    try {
      const { toolName, toolCallId, isError, input } = event
      const named = { toolName, toolCallId, isError, cwd: context.cwd, session: context.sessionManager?.getSessionId?.() }
      const payload = { hook_event_name: "tool_result", ...named }
      if (EDITS.includes(toolName)) {
        await ask({ ...payload, input: { path: input?.path } }) // that a file was edited is told, not what was written
        return
      }
      if (toolName !== "bash") return
      const texts = event.content.filter((part) => part.type === "text").map((part) => part.text)
      const told = event.structuredContent
      const structuredContent = told && { ...told, output: cut(told.output) }
      const said = await ask({ ...payload, input, output: cut(texts.join("\n")), structuredContent })
      if (!said) return
      return { content: [...event.content, { type: "text", text: said }], structuredContent: told }
    } catch {
      // a fault of meshtui's is never the agent's
    }
  })
}
