package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filo/internal/fault"
	"filo/internal/ids"

	"filippo.io/age"
)

// Sealer encrypts what people upload before it touches the database, with an
// age X25519 key that lives outside of it.
type Sealer struct{ key *age.X25519Identity }

// LoadSealer reads the sealing key, or makes it on first use (mode 0600).
func LoadSealer(path string) (*Sealer, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return newSealer(path)
	}
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	key, err := age.ParseX25519Identity(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("sealing key %s is damaged: %w", path, err)
	}
	return &Sealer{key}, nil
}

func newSealer(path string) (*Sealer, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// O_EXCL: of two processes that start at once, one makes the key.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return LoadSealer(path)
	}
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	_, err = io.WriteString(f, key.String()+"\n")
	return &Sealer{key}, errors.Join(err, f.Sync(), f.Close())
}

// piece is how much sealed content one row holds.
const piece = 256 << 10

// pieces writes a stream as rows of the blob table.
type pieces struct {
	ctx context.Context
	d   *DB
	id  ids.ID
	at  time.Time
	n   int
	buf []byte
}

// Write implements io.Writer.
func (p *pieces) Write(b []byte) (int, error) {
	p.buf = append(p.buf, b...)
	for len(p.buf) >= piece {
		if err := p.flush(piece); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (p *pieces) flush(n int) error {
	_, err := p.d.exec(p.ctx, "INSERT INTO blob (id, n, at, data) VALUES ($1,$2,$3,$4)",
		string(p.id), p.n, micro(p.at), append([]byte{}, p.buf[:n]...))
	p.n++
	p.buf = append(p.buf[:0], p.buf[n:]...)
	return err
}

// Seal keeps content encrypted under blob and gives its size and SHA-256. It
// fails with TooLarge beyond max bytes and then keeps nothing.
func (d *DB) Seal(ctx context.Context, blob ids.ID, content io.Reader, max int64) (int64, string, error) {
	out := &pieces{ctx: ctx, d: d, id: blob, at: d.clock.Now()}
	size, sum, err := d.seal(out, content, max)
	if err != nil {
		_, gone := d.exec(context.WithoutCancel(ctx), "DELETE FROM blob WHERE id = $1", string(blob))
		return 0, "", errors.Join(err, gone)
	}
	return size, sum, nil
}

func (d *DB) seal(out *pieces, content io.Reader, max int64) (int64, string, error) {
	w, err := age.Encrypt(out, d.sealer.key.Recipient())
	if err != nil {
		return 0, "", err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(content, max+1))
	if err != nil {
		return 0, "", fmt.Errorf("seal upload: %w", err)
	}
	if n > max {
		return 0, "", fault.New(fault.TooLarge, "fault.upload_large", max>>20)
	}
	if err := w.Close(); err != nil {
		return 0, "", err
	}
	if len(out.buf) > 0 {
		if err := out.flush(len(out.buf)); err != nil {
			return 0, "", err
		}
	}
	return n, hex.EncodeToString(sum.Sum(nil)), nil
}

// open reads a sealed blob again.
func (d *DB) open(ctx context.Context, blob ids.ID) (io.ReadCloser, error) {
	r, err := age.Decrypt(&unpieces{ctx: ctx, d: d, id: blob}, d.sealer.key)
	if err != nil {
		return nil, fmt.Errorf("open sealed %s: %w", blob, err)
	}
	return io.NopCloser(r), nil
}

type unpieces struct {
	ctx context.Context
	d   *DB
	id  ids.ID
	n   int
	buf []byte
}

// Read implements io.Reader.
func (u *unpieces) Read(b []byte) (int, error) {
	if len(u.buf) == 0 {
		err := u.d.one(u.ctx, "SELECT data FROM blob WHERE id = $1 AND n = $2", []any{string(u.id), u.n}, &u.buf)
		if fault.Is(err, fault.NotFound) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		u.n++
	}
	n := copy(b, u.buf)
	u.buf = u.buf[n:]
	return n, nil
}

// Sweep removes sealed content that nothing names, a day after its upload, and
// gives how many blobs went.
func (d *DB) Sweep(ctx context.Context) (int64, error) {
	return d.exec(ctx, `DELETE FROM blob WHERE at < $1
		AND NOT EXISTS (SELECT 1 FROM report_file f WHERE f.id = blob.id)
		AND NOT EXISTS (SELECT 1 FROM agreement_document a WHERE a.id = blob.id)`,
		micro(d.clock.Now().Add(-24*time.Hour)))
}
