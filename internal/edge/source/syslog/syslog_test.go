package syslog

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filo/internal/edge/source/reading"
)

func at() time.Time { return time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC) }

func listen(t *testing.T, network, dir string, more ...string) *Source {
	t.Helper()
	c := Config{Network: network, Address: "127.0.0.1:0", Dir: dir, Limit: 1 << 20, Now: at}
	if len(more) > 0 {
		c.Cert, c.Key = more[0], more[1]
	}
	if len(more) > 2 {
		c.CA = more[2]
	}
	s, err := Open(c, reading.Position{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// take waits until n lines came.
func take(t *testing.T, s *Source, n int) []string {
	t.Helper()
	var got []string
	for end := time.Now().Add(5 * time.Second); len(got) < n && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := s.Read(n-len(got), func(b []byte) error { got = append(got, string(b)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != n {
		t.Fatalf("%d lines of %d: %q, %+v", len(got), n, got, s.Counters())
	}
	return got
}

func send(t *testing.T, s *Source, parts ...string) net.Conn {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if _, err := c.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestARecordOverUDPThatNamesNoHostSaysWhoSentIt(t *testing.T) {
	s := listen(t, "udp", t.TempDir())
	send(t, s, "<38>Nov 25 10:30:00 sshd[7]: Invalid user x from 203.0.113.9 port 4000\n\x00", "<38>Nov 25 10:30:00 sala-ced sshd[7]: ok")
	got := take(t, s, 2)
	want := []string{"<38>Nov 25 10:30:00 127.0.0.1 sshd[7]: Invalid user x from 203.0.113.9 port 4000", "<38>Nov 25 10:30:00 sala-ced sshd[7]: ok"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestCountedRecordsAndLinesAreReadFromOneConnectionWhateverThePieces(t *testing.T) {
	s := listen(t, "tcp", t.TempDir())
	body := "<34>1 2026-11-25T09:30:00Z fw app - - - due\nrighe"
	c := send(t, s, fmt.Sprint(len(body)), " ", body[:10], body[10:], "<34>Nov 25 09:30:00 fw una riga\r\n<34>Nov 25 09:30:00 fw l'ulti")
	time.Sleep(20 * time.Millisecond)
	c.Write([]byte("ma"))
	c.Close()
	got := take(t, s, 3)
	want := []string{"<34>1 2026-11-25T09:30:00Z fw app - - - due#012righe", "<34>Nov 25 09:30:00 fw una riga", "<34>Nov 25 09:30:00 fw l'ultima"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestWhatWasTakenFromTheNetworkOutlivesTheAgent(t *testing.T) {
	dir := t.TempDir()
	s := listen(t, "tcp", dir)
	send(t, s, "<1>Nov 25 09:30:00 fw uno\n<1>Nov 25 09:30:00 fw due\n")
	take(t, s, 1)
	pos := s.Position()
	for s.Counters().Lag == 0 {
		time.Sleep(time.Millisecond)
	}
	s.Close()
	again, err := Open(Config{Network: "tcp", Address: "127.0.0.1:0", Dir: dir, Limit: 1 << 20, Now: at}, pos)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := take(t, again, 1); got[0] != "<1>Nov 25 09:30:00 fw due" {
		t.Errorf("got %q", got)
	}
}

func TestAnEnormousRecordIsCutAndTheNextOneIsWhole(t *testing.T) {
	s := listen(t, "tcp", t.TempDir())
	long := "<1>Nov 25 09:30:00 fw " + strings.Repeat("x", 3*reading.MaxLine)
	send(t, s, fmt.Sprintf("%d %s", len(long), long), long+"\n", "<1>Nov 25 09:30:00 fw dopo\n")
	got := take(t, s, 3)
	if len(got[0]) != reading.MaxLine || len(got[1]) != reading.MaxLine || got[2] != "<1>Nov 25 09:30:00 fw dopo" || s.Counters().Cut != 2 {
		t.Errorf("lengths %d %d, %q, %+v", len(got[0]), len(got[1]), got[2], s.Counters())
	}
}

func TestOneAddressCannotTakeAllConnections(t *testing.T) {
	s := listen(t, "tcp", t.TempDir())
	for range maxPerHost + 3 {
		send(t, s)
	}
	for end := time.Now().Add(5 * time.Second); s.Counters().Dropped[LostTooMany] < 3 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := s.Counters().Dropped[LostTooMany]; n != 3 {
		t.Errorf("%d connections refused", n)
	}
}

// pair writes a certificate for 127.0.0.1 that signs itself, and its key.
func pair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: kb}), 0o600)
	return cert, key
}

func TestOverTLSOnlySendersOfTheNamedAuthorityAreHeard(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "agente")
	ca, caKey := pair(t, dir, "apparati")
	s := listen(t, "tls", t.TempDir(), cert, key, ca)
	pem, _ := os.ReadFile(cert)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	own, err := tls.LoadX509KeyPair(ca, caKey)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(c *tls.Config) {
		conn, err := tls.Dial("tcp", s.Addr().String(), c)
		if err == nil {
			fmt.Fprint(conn, "<1>Nov 25 09:30:00 fw cifrata\n")
			conn.CloseWrite()
			bufio.NewReader(conn).ReadByte()
			conn.Close()
		}
	}
	dial(&tls.Config{RootCAs: roots})
	dial(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}})
	take(t, s, 1)
	if n := s.Counters().Dropped[LostHandshake]; n != 1 {
		t.Errorf("%d handshakes refused", n)
	}
}

func TestWhereTheSendersAddressStands(t *testing.T) {
	for in, want := range map[string]string{
		"<34>1 2026-11-25T09:30:00Z - app - - - x":  "<34>1 2026-11-25T09:30:00Z 192.0.2.7 app - - - x",
		"<34>1 2026-11-25T09:30:00Z fw app - - - x": "<34>1 2026-11-25T09:30:00Z fw app - - - x",
		"<34>sshd[1]: x":                                         "<34>2026-11-25T09:30:00.000000Z 192.0.2.7 sshd[1]: x",
		"CEF:0|A|B|1|2|3|4|src=203.0.113.9":                      "2026-11-25T09:30:00.000000Z 192.0.2.7 CEF:0|A|B|1|2|3|4|src=203.0.113.9",
		"<34>2026-11-25T09:30:00+01:00 su: x":                    "<34>2026-11-25T09:30:00+01:00 192.0.2.7 su: x",
		"<34>date=2026-11-25 time=10:30:00 devname=\"FG\" a=b":   "<34>date=2026-11-25 time=10:30:00 devname=\"FG\" a=b",
		"<189>12: *Nov 25 09:30:00.1: %SEC-4-X: y":               "<189>12: *Nov 25 09:30:00.1: %SEC-4-X: y",
		`{"src_ip":"203.0.113.9"}`:                               `{"src_ip":"203.0.113.9"}`,
		"<34>Nov 25 09:30:00 fw x\n<34>Nov 25 09:30:00 fw finta": "<34>Nov 25 09:30:00 fw x#012<34>Nov 25 09:30:00 fw finta",
	} {
		if got := string(relay([]byte(in), netip.MustParseAddr("192.0.2.7"), at())); got != want {
			t.Errorf("%q\n became %q\n want   %q", in, got, want)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("5 <1>ab<1>Nov 25 09:30:00 x\n12 <1>\n99999999 <"))
	f.Add([]byte("<1>Nov 25 09:3\x00:00  x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fr := framer{r: bufio.NewReader(bytes.NewReader(b)), deadline: func(bool) {}}
		total := 0
		for {
			rec, _, err := fr.next()
			total += len(rec)
			line := relay(trimEnd(rec), netip.MustParseAddr("192.0.2.7"), at())
			if bytes.ContainsAny(line, "\n\x00") {
				t.Fatalf("a line end inside %q", line)
			}
			if err != nil {
				break
			}
		}
		if total > len(b) {
			t.Fatalf("%d bytes given of %d", total, len(b))
		}
	})
}
