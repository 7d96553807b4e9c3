package redisstore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/store"
)

// A server that speaks TLS with a certificate that nobody has signed: rediss: refuses it and says why, redis: says what to write, and a client of
// the caller's own that trusts it works.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	pool := certificate(t, dir)
	plain := testserver.NewRedis(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	c := newClient(t, plain.Addr)
	for _, set := range [][2]string{
		{"tls-cert-file", filepath.Join(dir, "cert.pem")}, {"tls-key-file", filepath.Join(dir, "key.pem")}, {"tls-auth-clients", "no"}, {"tls-port", port},
	} {
		if err := c.ConfigSet(t.Context(), set[0], set[1]).Err(); err != nil {
			t.Skipf("this server does not speak TLS: %v", err)
		}
	}
	_, err = OpenURL(t.Context(), parsed(t, "rediss://127.0.0.1:"+port+"?x-op-timeout=2s"))
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("a certificate that nobody has signed: %v", err)
	}
	_, err = OpenURL(t.Context(), parsed(t, "redis://127.0.0.1:"+port+"?x-op-timeout=2s"))
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "begins with rediss") {
		t.Errorf("TLS where none is expected: %v", err)
	}
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, TLSConfig: &tls.Config{RootCAs: pool}})
	defer client.Close()
	s := open(t, client, store.Expiry{})
	mustSet(t, s, "key", "value")
	wantValue(t, s, "key", "value")
}

// certificate writes cert.pem and key.pem for 127.0.0.1, which other users may read: the server is perhaps one.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, data := range map[string][]byte{"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for d := dir; d != filepath.Dir(d) && strings.HasPrefix(d, os.TempDir()) && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}
