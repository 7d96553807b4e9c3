package redisstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/store"
)

// quiet is an error with words of our own: those of the server may quote a key or a value.
type quiet struct {
	text string
	err  error
}

func (q *quiet) Error() string { return q.text }
func (q *quiet) Unwrap() error { return q.err }

// said keeps what err is, but for a context's error: that would be one of the client's own, not the caller's.
func said(text string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return &quiet{text, err}
}

// advice says what a Redis error means, by its first word.
var advice = [][2]string{
	{"NOAUTH", "the server wants a password; write redis://:PASSWORD@host, or with a user redis://USER:PASSWORD@host"},
	{"WRONGPASS", "the server refuses the user name or the password"},
	{"NOPERM", "the server's access list forbids this user a command or the keys with this prefix; see the package comment of redisstore for what it needs"},
	{"LOADING", "the server is loading its data"},
	{"CLUSTERDOWN", "the Cluster is down: no majority, or slots that no server holds"},
	{"TRYAGAIN", "the Cluster is moving the key; try again"},
	{"MASTERDOWN", "the replica has lost its master"},
	{"READONLY", "the server is a replica and takes no writes; name the master, or use Sentinel (x-master) or a Cluster"},
	{"NOREPLICAS", "the server has too few replicas to take a write (min-replicas-to-write)"},
	{"MISCONF", "the server takes no writes because it cannot save to its disk; see its log"},
	{"OOM", "the server is out of memory and its maxmemory-policy evicts nothing; raise maxmemory, or remove entries"},
	{"BUSY", "the server is busy with somebody's script"},
	{"UNKILLABLE", "the server is busy with somebody's script"},
	{"MOVED", "the server belongs to a Cluster; name several of its hosts, or add x-cluster=true"},
	{"ASK", "the server belongs to a Cluster; name several of its hosts, or add x-cluster=true"},
	{"CROSSSLOT", "the server belongs to a Cluster; name several of its hosts, or add x-cluster=true"},
	{"WRONGTYPE", "a Redis value of another type stands under the key"},
}

// cause says in the words of package store what the client says. What is no answer at all, and what the server cannot do now, is an outage.
func cause(err error) error {
	var answer redis.Error
	switch {
	case err == nil, errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrCorrupt):
		return err
	case errors.Is(err, redis.ErrClosed):
		return fmt.Errorf("%w: %w", os.ErrClosed, said("the client is closed", err))
	case strings.Contains(err.Error(), "all sentinels specified"):
		return unavailable("no Sentinel answers and knows a master of that name (x-master)", err)
	case errors.As(err, &answer):
		return answerCause(answer.Error(), err)
	case errors.Is(err, redis.ErrPoolTimeout):
		return unavailable("all connections of the pool are in use (x-pool-size)", err)
	case errors.Is(err, redis.ErrPoolExhausted):
		return unavailable("the pool has no connection to give (x-pool-size)", err)
	}
	return unavailable(wireText(err), err)
}

func unavailable(text string, err error) error {
	return fmt.Errorf("%w: %w", store.ErrUnavailable, said(text, err))
}

// answerWord returns the word by which the server says what is wrong: the first, or where a script was refused a command, one within. Redis 5 and
// 6 put it after a '-', into "ERR Error running script ...: -OOM ..."; an access list speaks in sentences then.
func answerWord(text string) string {
	word, rest, _ := strings.Cut(strings.TrimPrefix(text, "ERR "), " ")
	switch {
	case strings.Contains(text, "ACL failure in script"), strings.Contains(text, "The user executing the script"):
		return "NOPERM"
	case word == strings.ToUpper(word), !strings.Contains(text, "script"):
		return word
	}
	for field := range strings.FieldsSeq(rest) {
		for _, a := range advice {
			if strings.TrimPrefix(field, "-") == a[0] {
				return a[0]
			}
		}
	}
	return word
}

// answerCause is for errors that the server gave.
func answerCause(text string, err error) error {
	word := answerWord(text)
	for _, a := range advice {
		if a[0] != word {
			continue
		}
		if word == "WRONGTYPE" {
			return fmt.Errorf("%w: %w", store.ErrCorrupt, said(a[1], err))
		}
		return unavailable(word+": "+a[1], err)
	}
	switch {
	case strings.Contains(text, "max number of clients"):
		return unavailable("the server has its maximum of clients (maxclients)", err)
	case strings.Contains(text, "DB index is out of range"):
		return said("the server has no database of that number", err)
	case strings.Contains(text, "cluster support disabled"):
		return said("the server is no Cluster; name one host, or with Sentinel x-master=NAME", err)
	case strings.Contains(text, "unknown command"):
		return said("the server does not know, or forbids, a command that the store needs; see the package comment of redisstore", err)
	}
	return said("the server refuses the command", err)
}

// wireText says what went wrong between client and server. What is not known for harmless is not shown: an answer that cannot be read is
// quoted by the client.
func wireText(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	var timeout net.Error
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &record):
		return "the server does not speak TLS; the URL of such a one begins with redis and not with rediss"
	case errors.As(err, &certificate), errors.As(err, &unknown):
		return "the server's certificate is not trusted: " + err.Error()
	case errors.As(err, &dns):
		return dns.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "the server did not answer in time"
	case errors.As(err, &op):
		return op.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the connection broke"
	}
	return "no answer that can be understood"
}

// broken tells whether a connection broke, as one does that stood idle while the server restarted. A time-out is something else: another
// would take as long.
func broken(err error) bool {
	var answer redis.Error
	var timeout net.Error
	switch {
	case errors.As(err, &answer), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, redis.ErrClosed), errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return false
	case errors.As(err, &timeout) && timeout.Timeout():
		return false
	}
	return true
}
