//go:build !unix

package testserver

import (
	"errors"
	"os/exec"
)

// Elsewhere no server is started: tests that need one skip, or use what the environment names.

type user struct{}

var errNoServers = errors.New("servers for tests are started on Unix only")

func unprivileged() (user, error)                  { return user{}, errNoServers }
func (u user) own(string) error                    { return errNoServers }
func (u user) command(string, ...string) *exec.Cmd { return nil }
func find(string) (string, error)                  { return "", errNoServers }

type process struct{ pid int }

func startProcess(user, string, string, []string) (*process, error) { return nil, errNoServers }

func (p *process) ended() bool       { return true }
func (p *process) stop() error       { return errNoServers }
func (p *process) pause(bool) error  { return errNoServers }
func (p *process) resume(bool) error { return errNoServers }
func (p *process) kill(bool) error   { return errNoServers }
