// Package link is the agent's side of the line to its node: enrolment with a
// code, then HTTPS with the agent's own certificate. Only outbound connections;
// HTTP proxies of the environment are honoured.
package link

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"filo/internal/spool"
	"filo/internal/wire"

	"github.com/klauspost/compress/zstd"
)

// Identity is what an enrolled agent keeps in its folder.
type Identity struct {
	wire.EnrolResponse
	Key string `json:"key"` // PEM
}

const identityFile = "identity.json"

// ErrRevoked says that the node no longer accepts this agent.
var ErrRevoked = errors.New("the node does not accept this agent any more: its certificate was revoked; enrol it again with a new code")

// ErrTooLarge says that the node wants smaller batches.
var ErrTooLarge = errors.New("the batch is larger than the node accepts")

// Problem is an answer of the node that is no success.
type Problem struct {
	Status int
	Title  string `json:"title"`
}

// Error gives the status and the node's own word.
func (p *Problem) Error() string { return fmt.Sprintf("the node answered %d %s", p.Status, p.Title) }

// Enrol turns a code into an identity kept in dir. pin, when given, is the
// SHA-256 of the node's own authority (hex): then no other node is trusted.
func Enrol(ctx context.Context, dir, node, code, pin, version string) (Identity, error) {
	var id Identity
	if _, err := os.Stat(filepath.Join(dir, identityFile)); err == nil {
		return id, fmt.Errorf("%s holds an agent already; use another folder or remove it first", dir)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return id, err
	}
	csr, err := request(key)
	if err != nil {
		return id, err
	}
	host, _ := os.Hostname()
	body, err := json.Marshal(wire.EnrolRequest{Code: code, CSR: csr, Host: host, System: runtime.GOOS + "/" + runtime.GOARCH, Version: version})
	if err != nil {
		return id, err
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: pinned(pin)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(node, "/")+wire.PathEnrol, bytes.NewReader(body))
	if err != nil {
		return id, fmt.Errorf("node %q is no address; it looks like https://filo.example:8443", node)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return id, fmt.Errorf("cannot reach the node: %w", err)
	}
	defer res.Body.Close()
	if err := answer(res, &id.EnrolResponse); err != nil {
		return id, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return id, err
	}
	id.Key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return id, id.save(dir)
}

func request(key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), err
}

func (id Identity) save(dir string) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return spool.WriteFile(filepath.Join(dir, identityFile), b)
}

// Load reads the identity that Enrol kept in dir.
func Load(dir string) (Identity, error) {
	var id Identity
	b, err := os.ReadFile(filepath.Join(dir, identityFile))
	if errors.Is(err, os.ErrNotExist) {
		return id, fmt.Errorf("%s holds no agent; enrol it first: filo enrol CODE --node URL --state %s", dir, dir)
	}
	if err != nil {
		return id, err
	}
	return id, json.Unmarshal(b, &id)
}

// pinned trusts the system's roots, or, with a pin, exactly the chain whose
// authority has that key.
func pinned(pin string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if pin == "" {
		return c
	}
	c.InsecureSkipVerify = true //nolint:gosec // VerifyConnection below checks more than the default does
	c.VerifyConnection = func(s tls.ConnectionState) error {
		for _, ca := range s.PeerCertificates {
			sum := sha256.Sum256(ca.RawSubjectPublicKeyInfo)
			if hex.EncodeToString(sum[:]) != strings.ToLower(pin) {
				continue
			}
			roots := x509.NewCertPool()
			roots.AddCert(ca)
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: s.ServerName})
			return err
		}
		return errors.New("the node's authority is not the one of the enrolment code: somebody may sit in between")
	}
	return c
}

// Client speaks for an enrolled agent.
type Client struct {
	ID     Identity
	dir    string
	http   *http.Client
	stream *http.Client
	enc    *zstd.Encoder
}

// New makes the client of an identity kept in dir.
func New(dir string, id Identity) (*Client, error) {
	c := &Client{ID: id, dir: dir}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	c.enc = enc
	return c, c.connect()
}

func (c *Client) connect() error {
	cert, err := tls.X509KeyPair([]byte(c.ID.Certificate), []byte(c.ID.Key))
	if err != nil {
		return fmt.Errorf("the agent's identity is damaged: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.ID.CA)) {
		return errors.New("the agent's identity is damaged: no authority in it")
	}
	tr := &http.Transport{
		Proxy: http.ProxyFromEnvironment, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 15 * time.Second,
		ResponseHeaderTimeout: time.Minute, MaxIdleConns: 2,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{cert}},
	}
	c.http = &http.Client{Transport: tr, Timeout: 2 * time.Minute}
	c.stream = &http.Client{Transport: tr}
	return nil
}

// Send brings a batch up; the answer says what the node has on disk.
func (c *Client) Send(ctx context.Context, events []wire.Event, now time.Time) (wire.BatchAck, error) {
	var ack wire.BatchAck
	b, err := json.Marshal(wire.Batch{Agent: c.ID.Agent, Body: c.ID.Body, Sent: now, Events: events})
	if err != nil {
		return ack, err
	}
	z := c.enc.EncodeAll(b, nil)
	if len(z) > wire.MaxBatch || len(b) > wire.MaxBatchPlain {
		return ack, ErrTooLarge
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.ID.Link+wire.PathBatch, bytes.NewReader(z))
	if err != nil {
		return ack, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Encoding", "zstd")
	res, err := c.http.Do(req)
	if err != nil {
		return ack, err
	}
	defer res.Body.Close()
	return ack, answer(res, &ack)
}

// Changes brings down what came after a change.
func (c *Client) Changes(ctx context.Context, after uint64) (wire.ChangesPage, error) {
	var page wire.ChangesPage
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s%s?after=%d", c.ID.Link, wire.PathChanges, after), nil)
	if err != nil {
		return page, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return page, err
	}
	defer res.Body.Close()
	return page, answer(res, &page)
}

// Renew gets a new certificate for a new key once a third of the old one's time
// is left.
func (c *Client) Renew(ctx context.Context, now time.Time) error {
	if c.ID.NotAfter.Sub(now) > 10*24*time.Hour {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	csr, err := request(key)
	if err != nil {
		return err
	}
	b, err := json.Marshal(wire.RenewRequest{CSR: csr})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.ID.Link+wire.PathRenew, bytes.NewReader(b))
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	next := Identity{}
	if err := answer(res, &next.EnrolResponse); err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	next.Key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err := next.save(c.dir); err != nil {
		return err
	}
	c.ID = next
	return c.connect()
}

// Watch keeps a stream open and calls wake each time the node says that there
// may be something new. It returns when the stream ends.
func (c *Client) Watch(ctx context.Context, wake func()) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.ID.Link+wire.PathStream, nil)
	if err != nil {
		return err
	}
	res, err := c.stream.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return answer(res, nil)
	}
	buf := make([]byte, 1024)
	for {
		n, err := res.Body.Read(buf)
		if bytes.Contains(buf[:n], []byte("data:")) {
			wake()
		}
		if err != nil {
			return err
		}
	}
}

// answer reads what the node said: v on success, else what went wrong.
func answer(res *http.Response, v any) error {
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return err
	}
	if res.StatusCode/100 == 2 {
		if v == nil {
			return nil
		}
		return json.Unmarshal(b, v)
	}
	p := &Problem{Status: res.StatusCode}
	_ = json.Unmarshal(b, p) // an answer of a proxy in between is no problem+json
	switch {
	case p.Title == "agent.revoked":
		return ErrRevoked
	case res.StatusCode == http.StatusRequestEntityTooLarge:
		return ErrTooLarge
	case p.Title == "agent.code.unknown":
		return errors.New("the code is not known, was used, or is older than 24 hours: ask for a new one on the page «Agenti»")
	case p.Title == "agent.code.bad":
		return errors.New("the code has a letter that is not right: read it again on the page «Agenti»")
	}
	return p
}
