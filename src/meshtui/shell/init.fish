# meshtui: what the mesh knows about a command that failed, at the next prompt; @KEY_NAME@ puts the fix on the line.
if status is-interactive; and not set -q _meshtui_session
    set -g _meshtui_session $fish_pid.(random)(random)
    set -g _meshtui_call 0
    set -g _meshtui_open 0
    set -g _meshtui_last ''
    set -g _meshtui_told ''
    set -g _meshtui_waiting ''
    set -g _meshtui_folder (command mktemp -d 2>/dev/null)

    function _meshtui_gone # then the shell goes on as if this were not here
        not test -x @PYTHON@ -a -r @START@ -a -d "$_meshtui_folder"
    end

    function _meshtui_show # SUFFIX: the line, once there is one; true where it was shown
        test -n "$_meshtui_waiting" -a -e "$_meshtui_waiting"; or return 1
        set -l line
        read line <$_meshtui_waiting
        command rm -f $_meshtui_waiting
        set -g _meshtui_waiting ''
        test -n "$line"; or return 1
        printf '%s  [%s]\n' $line $argv[1] >&2
    end

    function _meshtui_failed --on-event fish_postexec
        set -l code $status
        set -l text $argv[1]
        if _meshtui_gone
            return
        end
        if string match -qr '^(\s|meshtui|$)|meshtui run ' -- $text
            return
        end
        switch $code
            case 0
                if test $_meshtui_open -gt 0
                    set -g _meshtui_open (math $_meshtui_open - 1)
                    @SETTINGS@@PYTHON@ -I -S @START@ worked fish $_meshtui_session $_meshtui_call 0 $text </dev/null >/dev/null 2>&1 &
                    disown 2>/dev/null
                end
            case 129 130 131 141 143 145 146 147 148 149 150 # a person or a pipe ended it
            case '*'
                set -g _meshtui_call (math $_meshtui_call + 1)
                set -g _meshtui_last $text
                set -g _meshtui_open 40
                set -g _meshtui_waiting $_meshtui_folder/$_meshtui_call
                # What the command said, where a pane still shows it. fish runs no function beside itself: so sh does.
                command sh -c 'to=$1; shift
{ [ -z "$TMUX" ] || [ -z "$TMUX_PANE" ] || tmux capture-pane -p -J -S -300 -t "$TMUX_PANE" 2>/dev/null; } |
"$@" >"$to.part" 2>/dev/null; mv "$to.part" "$to"' sh $_meshtui_waiting @SETTINGS@@PYTHON@ -I -S @START@ failed fish $_meshtui_session $_meshtui_call $code $text </dev/null >/dev/null 2>&1 &
                disown 2>/dev/null
                # No prompt waits longer than a fifth of a second; what comes later is shown at the next one.
                for _ in 1 2 3 4
                    test -e $_meshtui_waiting; and break
                    command sleep 0.05
                end
                if not _meshtui_show @KEY_NAME@; and test -z "$_meshtui_told"
                    set -g _meshtui_told 1
                    printf 'meshtui: %s after a failure: the known fix, or the command again under the mesh\n' @KEY_NAME@ >&2
                end
        end
    end

    function _meshtui_late --on-event fish_prompt
        set -l code $status
        _meshtui_show "for: "(string sub -l 60 -- $_meshtui_last)
        return $code
    end

    function _meshtui_key
        set -l line
        if test -n "$_meshtui_last"; and not _meshtui_gone
            set line (@SETTINGS@@PYTHON@ -I -S @START@ key fish $_meshtui_session $_meshtui_call 0 $_meshtui_last </dev/null 2>/dev/null)
        end
        if test -n "$line"
            commandline -r -- $line
        end
        commandline -f repaint
    end

    function _meshtui_leave --on-event fish_exit
        if test -n "$_meshtui_folder"
            command rm -rf -- $_meshtui_folder
        end
    end

    bind @KEY@ _meshtui_key
    bind -M insert @KEY@ _meshtui_key
end
