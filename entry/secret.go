package entry

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"filo/internal/fault"

	"golang.org/x/crypto/argon2"
)

// Cost of a password, argon2id: 64 MiB, 3 passes, about 0.1 s. At most hashers
// are computed at a time, so that a storm of logins cannot take all memory.
const (
	argonTime   = 3
	argonMemory = 64 << 10
	argonLanes  = 2
	hashers     = 4
)

// Passwords hashes and checks passwords.
type Passwords struct {
	slots  chan struct{}
	memory uint32
}

// NewPasswords makes a hasher with the full cost.
func NewPasswords() *Passwords { return &Passwords{make(chan struct{}, hashers), argonMemory} }

// NewCheapPasswords makes a hasher with little memory, for tests and demos of
// many people; what it made is checked by any other.
func NewCheapPasswords() *Passwords { return &Passwords{make(chan struct{}, hashers), 64} }

func (p *Passwords) slot(ctx context.Context) (func(), error) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "fault.busy")
	}
}

// Hash makes what the store keeps.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	done, err := p.slot(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, 16)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, argonTime, p.memory, argonLanes, 32)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.memory, argonTime, argonLanes, enc.EncodeToString(salt), enc.EncodeToString(key)), nil
}

// Check reports whether the password fits. With an empty hash it takes as long
// and says no: who has no account is not told apart by time.
func (p *Passwords) Check(ctx context.Context, hash, password string) (bool, error) {
	done, err := p.slot(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	var m, t uint32
	var lanes uint8
	parts := strings.Split(hash, "$")
	ok := len(parts) == 6 && parts[1] == "argon2id"
	if ok {
		n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &m, &t, &lanes)
		ok = err == nil && n == 3 && m <= 1<<20 && t <= 16
	}
	if !ok {
		argon2.IDKey([]byte(password), make([]byte, 16), argonTime, p.memory, argonLanes, 32)
		return false, nil
	}
	enc := base64.RawStdEncoding
	salt, err1 := enc.DecodeString(parts[4])
	want, err2 := enc.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(want) == 0 {
		return false, nil
	}
	got := argon2.IDKey([]byte(password), salt, t, m, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// CheckQuality refuses what is guessed first: short, or the login itself.
func CheckQuality(password, login string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < 12:
		return fault.Bad("password", "entry.password.short", 12)
	case n > 256:
		return fault.Bad("password", "entry.password.long", 256)
	}
	low := strings.ToLower(password)
	name, _, _ := strings.Cut(login, "@")
	if strings.Contains(low, strings.ToLower(login)) || len(name) >= 5 && strings.Contains(low, strings.ToLower(name)) {
		return fault.Bad("password", "entry.password.login")
	}
	seen := map[rune]bool{}
	for _, r := range low {
		seen[r] = true
	}
	if len(seen) < 5 {
		return fault.Bad("password", "entry.password.simple")
	}
	return nil
}
