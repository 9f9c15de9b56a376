package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	adminUser      = "widctl-admin"
	restrictedUser = "widctl-restricted"
	// keyBits is the smallest RSA key that Entra and the API server accept for RS256.
	keyBits = 2048
)

// credentials are the paths of the PEM files that the parts share.
type credentials struct {
	directory         string
	authority         string
	server            pair
	admin             pair
	restricted        pair
	serviceAccountKey string
	serviceAccountPub string
}

// pair is a certificate and its key.
type pair struct{ certificate, key string }

// writeCredentials makes a certificate authority of its own, what it signs, and the key of the
// ServiceAccount tokens.
func writeCredentials(directory string) (*credentials, error) {
	authority, err := newAuthority()
	if err != nil {
		return nil, err
	}
	files := &credentials{
		directory:         directory,
		authority:         filepath.Join(directory, "ca.crt"),
		serviceAccountKey: filepath.Join(directory, "sa.key"),
		serviceAccountPub: filepath.Join(directory, "sa.pub"),
	}
	if err := writePEM(files.authority, "CERTIFICATE", authority.certificate.Raw); err != nil {
		return nil, err
	}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if files.server, err = authority.issue(directory, "server", server); err != nil {
		return nil, err
	}
	admin := clientCertificate(adminUser, "system:masters")
	if files.admin, err = authority.issue(directory, "admin", admin); err != nil {
		return nil, err
	}
	restricted := clientCertificate(restrictedUser)
	if files.restricted, err = authority.issue(directory, "restricted", restricted); err != nil {
		return nil, err
	}
	return files, writeServiceAccountKey(files)
}

// clientCertificate is read by the API server as user (common name) and groups (organizations):
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
func clientCertificate(user string, groups ...string) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

func writeServiceAccountKey(files *credentials) error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return err
	}
	if err := writePEM(files.serviceAccountKey, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	return writePEM(files.serviceAccountPub, "PUBLIC KEY", public)
}

// authority signs the certificates of one run.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func newAuthority() (*authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "widctl test authority"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	certificate, err := sign(template, template, key.Public(), key)
	return &authority{certificate: certificate, key: key}, err
}

func (a *authority) issue(directory, name string, template *x509.Certificate) (pair, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return pair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	certificate, err := sign(template, a.certificate, key.Public(), a.key)
	if err != nil {
		return pair{}, err
	}
	files := pair{
		certificate: filepath.Join(directory, name+".crt"),
		key:         filepath.Join(directory, name+".key"),
	}
	if err := writePEM(files.certificate, "CERTIFICATE", certificate.Raw); err != nil {
		return pair{}, err
	}
	return files, writePEM(files.key, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Minute)
	template.NotAfter = time.Now().Add(24 * time.Hour)
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw)
}

func writePEM(path, kind string, raw []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600)
}
