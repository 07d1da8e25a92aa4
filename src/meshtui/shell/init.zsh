# meshtui: what the mesh knows about a command that failed, at the next prompt; @KEY_NAME@ puts the fix on the line.
if [[ -z ${_meshtui_session-} && -o interactive ]]; then
    typeset -g _meshtui_session=$$.$RANDOM$RANDOM _meshtui_text= _meshtui_last= _meshtui_fd= _meshtui_told=
    typeset -gi _meshtui_call=0 _meshtui_open=0

    _meshtui() { @SETTINGS@@PYTHON@ -I -S @START@ "$1" zsh "$_meshtui_session" "$_meshtui_call" "$2" "$3" 2>/dev/null }

    _meshtui_gone() { [[ ! -x @PYTHON@ || ! -r @START@ ]] } # then the shell goes on as if this were not here

    _meshtui_pane() { # what the command said, where a pane still shows it
        if [[ -n ${TMUX-} && -n ${TMUX_PANE-} ]]; then
            command tmux capture-pane -p -J -S -300 -t "$TMUX_PANE" 2>/dev/null
        fi
    }

    _meshtui_close() {
        zle -F $_meshtui_fd 2>/dev/null
        exec {_meshtui_fd}<&-
        _meshtui_fd=
    }

    _meshtui_late() { # the line came while the prompt was waiting
        local line=
        IFS= read -r -u $1 line
        _meshtui_close
        if [[ -n $line ]]; then
            zle -I
            print -ru2 -- "$line  [@KEY_NAME@]"
        fi
    }

    _meshtui_preexec() { _meshtui_text=$1 }

    _meshtui_prompt() {
        local code=$? text=$_meshtui_text line=
        emulate -L zsh
        _meshtui_text=
        if _meshtui_gone; then return $code; fi
        case $text in ('' | ' '* | meshtui* | *'meshtui run '*) return $code ;; esac
        case $code in
            (0)
                if ((_meshtui_open > 0)); then
                    _meshtui_open=$((_meshtui_open - 1))
                    _meshtui worked 0 "$text" </dev/null >/dev/null &!
                fi
                ;;
            (129 | 130 | 131 | 141 | 143 | 14[5-9] | 150) ;; # a person or a pipe ended it
            (*)
                _meshtui_call=$((_meshtui_call + 1)) _meshtui_last=$text _meshtui_open=40
                if [[ -n $_meshtui_fd ]]; then _meshtui_close; fi
                exec {_meshtui_fd}< <(_meshtui_pane | _meshtui failed $code "$text")
                # No prompt waits longer than a fifth of a second; what comes later is shown when it comes.
                if IFS= read -r -t 0.2 -u $_meshtui_fd line; then
                    _meshtui_close
                    print -ru2 -- "$line  [@KEY_NAME@]"
                else
                    zle -F $_meshtui_fd _meshtui_late
                fi
                if [[ -z $line && -z $_meshtui_told ]]; then
                    _meshtui_told=1
                    print -ru2 -- 'meshtui: @KEY_NAME@ after a failure: the known fix, or the command again under the mesh'
                fi
                ;;
        esac
        return $code
    }

    _meshtui_key() {
        local line=
        if [[ -n $_meshtui_last ]] && ! _meshtui_gone; then line=$(_meshtui key 0 "$_meshtui_last" </dev/null); fi
        if [[ -n $line ]]; then
            BUFFER=$line
            CURSOR=${#BUFFER}
        fi
    }

    typeset -ga preexec_functions precmd_functions
    preexec_functions=(_meshtui_preexec $preexec_functions)
    precmd_functions=(_meshtui_prompt $precmd_functions)
    zle -N _meshtui_key
    bindkey '@KEY@' _meshtui_key
fi
