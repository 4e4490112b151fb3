// Package pki is the node's own small certificate authority: it signs the
// certificates of agents and of the link's server, and the receipts that people
// keep. Its keys live in the node's data folder, never in the database.
package pki

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filo/internal/fault"
	"filo/internal/ids"
)

// Lives of certificates.
const (
	caLife     = 10 * 365 * 24 * time.Hour
	agentLife  = 30 * 24 * time.Hour
	serverLife = 90 * 24 * time.Hour
)

// Authority holds the keys.
type Authority struct {
	key     *ecdsa.PrivateKey
	cert    *x509.Certificate
	pem     string
	receipt ed25519.PrivateKey
}

// Load reads the authority from dir, or makes it on first use (files 0600).
func Load(dir string, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	a := &Authority{}
	raw, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		if raw, err = makeCA(now); err != nil {
			return nil, err
		}
		if err := writeNew(filepath.Join(dir, "ca.pem"), raw); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("keys: %w", err)
	}
	if err := a.read(raw); err != nil {
		return nil, fmt.Errorf("keys: %s: %w", filepath.Join(dir, "ca.pem"), err)
	}
	secret, err := a.key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	seed := sha256.Sum256(append([]byte("filo receipt key\n"), secret...))
	a.receipt = ed25519.NewKeyFromSeed(seed[:])
	return a, nil
}

func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func makeCA(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "filo node"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k})...), nil
}

func (a *Authority) read(raw []byte) error {
	c, rest := pem.Decode(raw)
	if c == nil {
		return errors.New("no certificate in it")
	}
	k, _ := pem.Decode(rest)
	if k == nil {
		return errors.New("no key in it")
	}
	var err error
	if a.cert, err = x509.ParseCertificate(c.Bytes); err != nil {
		return err
	}
	key, err := x509.ParsePKCS8PrivateKey(k.Bytes)
	if err != nil {
		return err
	}
	var ok bool
	if a.key, ok = key.(*ecdsa.PrivateKey); !ok {
		return errors.New("the key is not P-256")
	}
	a.pem = string(pem.EncodeToMemory(c))
	return nil
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the system's source of chance is gone
	}
	return n.Add(n, big.NewInt(1))
}

// CA gives the authority's certificate, PEM.
func (a *Authority) CA() string { return a.pem }

// Pin gives the SHA-256 of the authority's public key, hex: an agent that is
// enrolled with it trusts no other node.
func (a *Authority) Pin() string {
	sum := sha256.Sum256(a.cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// identity is the URI in an agent's certificate: spiffe://filo/agent/ID/body/ID.
func identity(agent, body ids.ID) *url.URL {
	return &url.URL{Scheme: "spiffe", Host: "filo", Path: "/agent/" + string(agent) + "/body/" + string(body)}
}

// Sign makes a client certificate for the key of a PEM request; its subject and
// extensions are ignored. It fails with Invalid when the request is not for a
// P-256 key or not signed by it.
func (a *Authority) Sign(csr string, agent, body ids.ID, now time.Time) (string, string, time.Time, error) {
	block, _ := pem.Decode([]byte(csr))
	if block == nil || len(csr) > 8192 {
		return "", "", time.Time{}, fault.Bad("csr", "agent.csr.bad")
	}
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || req.CheckSignature() != nil {
		return "", "", time.Time{}, fault.Bad("csr", "agent.csr.bad")
	}
	pub, ok := req.PublicKey.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return "", "", time.Time{}, fault.Bad("csr", "agent.csr.bad")
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: string(agent)}, URIs: []*url.URL{identity(agent, body)},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(agentLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, pub, a.key)
	if err != nil {
		return "", "", time.Time{}, fmt.Errorf("sign agent %s: %w", agent, err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), t.SerialNumber.Text(16), t.NotAfter, nil
}

// Identity reads whose certificate it is.
func Identity(c *x509.Certificate) (agent, body ids.ID, err error) {
	for _, u := range c.URIs {
		p := strings.Split(u.Path, "/")
		if u.Scheme == "spiffe" && u.Host == "filo" && len(p) == 5 && p[1] == "agent" && p[3] == "body" {
			return ids.ID(p[2]), ids.ID(p[4]), nil
		}
	}
	return "", "", errors.New("the certificate names no agent")
}

// Server makes a certificate for the link's listener, for the given names and
// addresses.
func (a *Authority) Server(hosts []string, now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "filo link"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(serverLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}, nil
}

// TLS gives the configuration of the link: TLS 1.3, a client certificate of
// ours where one is given. Handlers check that it is there and not revoked.
// The server's certificate is made anew before it ends.
func (a *Authority) TLS(hosts []string, now func() time.Time) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	kept := newKeeper(func() (tls.Certificate, error) { return a.Server(hosts, now()) }, now)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool,
		Time: now, NextProtos: []string{"http/1.1"}, GetCertificate: kept.get,
	}
}

// SignText signs a text with the node's receipt key; it fails never.
func (a *Authority) SignText(text string) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(a.receipt, []byte(text)))
}

// ReceiptKey gives the public half of the receipt key, base64.
func (a *Authority) ReceiptKey() string {
	return base64.StdEncoding.EncodeToString(a.receipt.Public().(ed25519.PublicKey))
}

// VerifyText reports whether sig is the signature of text under key (base64).
func VerifyText(key, text, sig string) bool {
	k, err := base64.StdEncoding.DecodeString(key)
	s, err2 := base64.StdEncoding.DecodeString(sig)
	return err == nil && err2 == nil && len(k) == ed25519.PublicKeySize && ed25519.Verify(k, []byte(text), s)
}
