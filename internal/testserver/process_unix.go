//go:build unix

package testserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// user is whom servers run as: root may not run PostgreSQL, and should run nothing that it need not.
type user struct{ credential *syscall.Credential }

func unprivileged() (user, error) {
	if os.Geteuid() != 0 {
		return user{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(found.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return user{}, err
		}
		return user{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return user{}, errors.New("servers do not run as root, and there is neither a user postgres nor a user nobody")
}

func (u user) own(path string) error {
	if u.credential == nil {
		return nil
	}
	return os.Chown(path, int(u.credential.Uid), int(u.credential.Gid))
}

// command is a command that runs as u.
func (u user) command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+dir)
	// In a group of its own, or a Ctrl-C that is meant for the tests would end it before they are done.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u.credential, Setpgid: true}
	return cmd
}

// guard starts the server, says its pid, and ends it when its own input ends: also when the test process is killed, and so leaves nothing
// behind. Then the input ends without a word, and the folder goes too. $1 is the signal. A server that was paused must go on to be ended,
// with its children: PostgreSQL waits for those. They are told so again while it has not ended, and go with it when it is forced, for once it
// is gone nobody finds them: children that still stood were left behind once. The short naps leave no sleep behind that would last when the watch is killed.
// HUP is what the kernel sends to a group in which a process stands, when the group's parent outside is gone.
const guard = `
trap '' HUP
signal=$1; shift
exec 3<&0 4>&1 </dev/null >>log 2>&1
"$@" 3<&- 4>&- &
server=$!
echo $server >&4
children() {
	ps -A -o pid=,ppid= | while read -r pid parent; do
		if [ "$parent" = $server ]; then kill -$1 $pid; fi
	done
}
{
	read -r _ <&3 || : >abandoned
	children CONT
	kill -CONT $server; kill -$signal $server
	naps=0
	while [ $naps -lt 100 ]; do
		sleep 0.1; naps=$((naps+1))
		if [ $((naps % 20)) = 0 ]; then children CONT; fi
	done
	: >forced
	children KILL
	kill -KILL $server
} 4>&- &
watch=$!
wait $server
kill -KILL $watch
if [ -e abandoned ]; then rm -rf "$PWD"; exit; fi
if [ -e forced ]; then rm forced; exit 9; fi
exit 0
`

const forced = 9 // the guard's exit code where the server did not end by the signal

type process struct {
	pid   int
	guard *exec.Cmd
	input io.WriteCloser
	done  chan struct{} // closed when the server and the guard have ended
	code  int           // of the guard, known then
}

func startProcess(u user, dir, signal string, args []string) (*process, error) {
	cmd := u.command(dir, append([]string{"/bin/sh", "-c", guard, "sh", signal}, args...)...)
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{guard: cmd, input: input, done: make(chan struct{})}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err == nil {
		p.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	go func() {
		p.guard.Wait()
		p.code = cmd.ProcessState.ExitCode()
		close(p.done)
	}()
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("starting %s: %w", args[0], err)
	}
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop has the guard end the server, also a paused one, and waits for both.
func (p *process) stop() error {
	io.WriteString(p.input, "keep the folder\n") // fails where the server has ended by itself
	p.input.Close()
	select {
	case <-p.done:
		if p.code == forced {
			return fmt.Errorf("the server with pid %d did not end in ten seconds, and was killed", p.pid)
		}
		return nil
	case <-time.After(startTime):
		return fmt.Errorf("the server with pid %d does not end", p.pid)
	}
}

func (p *process) signal(sig syscall.Signal, kids bool) error {
	if p.ended() {
		return os.ErrProcessDone
	}
	pids := []int{p.pid}
	if kids {
		found, err := children(p.pid)
		if err != nil {
			return err
		}
		pids = append(pids, found...)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// pause stops the parent first, so that no child is born after they were counted, and returns when all stand: a signal that was sent has
// not arrived yet.
func (p *process) pause(kids bool) error {
	if err := p.signal(syscall.SIGSTOP, false); err != nil {
		return err
	}
	if err := p.standing(false); err != nil || !kids {
		return err
	}
	if err := p.signal(syscall.SIGSTOP, true); err != nil {
		return err
	}
	return p.standing(true)
}

// standing waits until the server has stopped, and with kids its children.
func (p *process) standing(kids bool) error {
	for giveUp := time.Now().Add(startTime); ; time.Sleep(time.Millisecond) {
		running, err := processes()
		if err != nil {
			return err
		}
		moving := func(r row) bool {
			return (r.pid == p.pid || kids && r.parent == p.pid) && !strings.HasPrefix(r.state, "T")
		}
		switch {
		case !slices.ContainsFunc(running, moving):
			return nil
		case time.Now().After(giveUp):
			return fmt.Errorf("the server with pid %d does not stop", p.pid)
		}
	}
}

func (p *process) resume(kids bool) error { return p.signal(syscall.SIGCONT, kids) }

func (p *process) kill(kids bool) error {
	if err := p.pause(kids); err != nil {
		return err
	}
	var orphans []int
	if kids {
		var err error
		if orphans, err = children(p.pid); err != nil {
			return err
		}
	}
	if err := p.signal(syscall.SIGKILL, kids); err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	return buried(orphans)
}

// buried returns when none of them runs any more: PostgreSQL does not start again while one holds its shared memory.
func buried(pids []int) error {
	for giveUp := time.Now().Add(startTime); len(pids) > 0; time.Sleep(2 * time.Millisecond) {
		running, err := processes()
		if err != nil {
			return err
		}
		pids = slices.DeleteFunc(pids, func(pid int) bool { return !slices.ContainsFunc(running, func(r row) bool { return r.pid == pid }) })
		if len(pids) > 0 && time.Now().After(giveUp) {
			return fmt.Errorf("the processes %v were killed and do not end", pids)
		}
	}
	return nil
}

// children lists the direct children of a process.
func children(pid int) (pids []int, err error) {
	running, err := processes()
	for _, r := range running {
		if r.parent == pid {
			pids = append(pids, r.pid)
		}
	}
	return pids, err
}

type row struct {
	pid, parent int
	state       string
}

// processes lists those that run. What has ended holds nothing any more, even if nobody has asked how.
func processes() (running []row, err error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(out)) {
		var r row
		if _, err := fmt.Sscan(line, &r.pid, &r.parent, &r.state); err == nil && !strings.HasPrefix(r.state, "Z") {
			running = append(running, r)
		}
	}
	return running, nil
}

// find looks for a program on PATH, where Debian and where Homebrew put it.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return filepath.Abs(path)
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin/", "/usr/sbin/",
		"/opt/homebrew/bin/", "/opt/homebrew/opt/postgresql@*/bin/", "/usr/local/opt/postgresql@*/bin/",
	} {
		if found, _ := filepath.Glob(pattern + name); len(found) > 0 {
			return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }), nil
		}
	}
	return "", err
}

// version is the first number in a path, as in /usr/lib/postgresql/15/bin or postgresql@15; 0: there is none.
func version(path string) (n int) {
	begin := strings.IndexAny(path, "0123456789")
	if begin < 0 {
		return 0
	}
	fmt.Sscanf(path[begin:], "%d", &n)
	return n
}
