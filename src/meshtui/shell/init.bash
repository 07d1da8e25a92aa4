# meshtui: what the mesh knows about a command that failed, at the next prompt; @KEY_NAME@ puts the fix on the line.
if [[ -z ${_meshtui_session-} && $- == *i* ]] && ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)); then
    _meshtui_session=$$.$RANDOM$RANDOM _meshtui_ran=0 _meshtui_seen=0 _meshtui_call=0 _meshtui_open=0 _meshtui_fd=
    _meshtui_last= _meshtui_number= _meshtui_told=

    _meshtui() { @SETTINGS@@PYTHON@ -I -S @START@ "$1" bash "$_meshtui_session" "$_meshtui_call" "$2" "$3" 2>/dev/null; }

    _meshtui_gone() { [[ ! -x @PYTHON@ || ! -r @START@ ]]; } # then the shell goes on as if this were not here

    _meshtui_pane() { # what the command said, where a pane still shows it
        if [[ -n ${TMUX-} && -n ${TMUX_PANE-} ]]; then
            command tmux capture-pane -p -J -S -300 -t "$TMUX_PANE" 2>/dev/null
        fi
    }

    _meshtui_show() { # SECONDS SUFFIX: one line, as soon as there is one; true where it was shown
        local line= part
        if [[ -z $_meshtui_fd ]]; then return 1; fi
        # The end of a child ends a read of bash early, with what it has: so a failed read says nothing of the pipe.
        if [[ $1 != 0 ]]; then IFS= read -r -N 1 -t "$1" -u "$_meshtui_fd" line; fi
        if [[ -z $line ]] && ! read -t 0 -u "$_meshtui_fd"; then return 1; fi
        for _ in 1 2 3; do
            part=
            if IFS= read -r -u "$_meshtui_fd" part; then
                line+=$part
                break
            fi
            line+=$part
        done
        exec {_meshtui_fd}<&-
        _meshtui_fd=
        if [[ -z $line ]]; then return 1; fi
        printf '%s  [%s]\n' "$line" "$2" >&2
    }

    _meshtui_prompt() {
        local status=$? number text ran=$_meshtui_ran bang='\!'
        if _meshtui_gone; then return "$status"; fi
        if ((ran == _meshtui_seen || status == 0)); then
            _meshtui_show 0 @KEY_NAME@
        else
            _meshtui_show 0 "for: ${_meshtui_last:0:60}"
        fi
        if ((ran == _meshtui_seen)); then return "$status"; fi
        _meshtui_seen=$ran
        if ((status == 0 && _meshtui_open == 0)); then
            _meshtui_number=${bang@P}
            return 0
        fi
        # A line that the shell was told not to remember is none of ours, and the newest that it did is not this one.
        number=${bang@P}
        if [[ $number == "$_meshtui_number" && (${HISTCONTROL-} != ignoredups || -n ${HISTIGNORE-}) ]]; then
            return "$status"
        fi
        _meshtui_number=$number
        text=$(HISTTIMEFORMAT='' builtin history 1)
        text=${text#"${text%%[0-9]*}"}
        text=${text#"${text%%[^0-9]*}"}
        text=${text#[ *]} text=${text# }
        case $text in '' | ' '* | meshtui* | *'meshtui run '*) return "$status" ;; esac
        case $status in
            0)
                if ((_meshtui_open > 0)); then
                    _meshtui_open=$((_meshtui_open - 1))
                    (_meshtui worked 0 "$text" </dev/null >/dev/null &)
                fi
                ;;
            129 | 130 | 131 | 141 | 143 | 14[5-9] | 150) ;; # a person or a pipe ended it
            *)
                _meshtui_call=$((_meshtui_call + 1)) _meshtui_last=$text _meshtui_open=40
                if [[ -n $_meshtui_fd ]]; then exec {_meshtui_fd}<&-; fi
                exec {_meshtui_fd}< <(_meshtui_pane | _meshtui failed "$status" "$text")
                # No prompt waits longer than a fifth of a second; what comes later is shown at the next one.
                if ! _meshtui_show 0.2 @KEY_NAME@ && [[ -z $_meshtui_told ]]; then
                    _meshtui_told=1
                    printf 'meshtui: @KEY_NAME@ after a failure: the known fix, or the command again under the mesh\n' >&2
                fi
                ;;
        esac
        return "$status"
    }

    _meshtui_key() {
        local line=
        if [[ -n $_meshtui_last ]] && ! _meshtui_gone; then line=$(_meshtui key 0 "$_meshtui_last" </dev/null); fi
        if [[ -n $line ]]; then READLINE_LINE=$line READLINE_POINT=${#line}; fi
    }

    PS0=${PS0-}'${PS1:0:$((_meshtui_ran++,0))}'
    # First, so that it sees the command's own exit code; what was there sees it too.
    if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
        PROMPT_COMMAND=(_meshtui_prompt "${PROMPT_COMMAND[@]}")
    else
        PROMPT_COMMAND="_meshtui_prompt${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}"
    fi
    bind -x '"@KEY@": _meshtui_key' 2>/dev/null
fi
