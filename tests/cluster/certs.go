// Makes the cluster's certificates, its service-account key and one kubeconfig for each of its programs and for the
// user. In comes a cluster with addresses, out go files in its folder; nothing is read back but by the programs.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	pem         []byte
}

// Who a certificate speaks for: a user and group to the API server, names and addresses to those who dial it.
type subject struct {
	name, group string
	hosts       []string
	addresses   []string
}

// The programs that log in, by the file of their kubeconfig.
var users = map[string]subject{
	"kubeconfig":                    {name: "admin", group: "system:masters"},
	"controller-manager.kubeconfig": {name: "system:kube-controller-manager"},
	"scheduler.kubeconfig":          {name: "system:kube-scheduler"},
	"proxy.kubeconfig":              {name: "system:kube-proxy"},
	"kubelet.kubeconfig":            {name: "system:node:" + nodeName, group: "system:nodes"},
}

func writeCertificates(c *cluster) error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.path("ca.crt"), ca.pem, 0o644); err != nil {
		return err
	}
	for file, subject := range map[string]subject{
		"apiserver": {
			name:      "kube-apiserver",
			hosts:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + clusterDomain},
			addresses: []string{"127.0.0.1", c.nodeIP(), c.kubernetesIP()},
		},
		// A name of its own: the API server tells its front proxy from other clients of the same authority by it.
		"front-proxy": {name: "front-proxy"},
		"kubelet":     {name: "system:node:" + nodeName, group: "system:nodes", hosts: []string{nodeName}, addresses: []string{c.nodeIP(), "127.0.0.1"}},
	} {
		certificate, key, err := ca.issue(subject)
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.path(file+".crt"), certificate, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(c.path(file+".key"), key, 0o600); err != nil {
			return err
		}
	}
	for file, user := range users {
		if err := ca.writeKubeconfig(c, file, user); err != nil {
			return err
		}
	}
	_, key, err := newKey()
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("service-account.key"), key, 0o600)
}

func newAuthority() (*authority, error) {
	key, _, err := newKey()
	if err != nil {
		return nil, err
	}
	template := newTemplate(subject{name: "companion-cluster"})
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

func (ca *authority) issue(s subject) (certificate, key []byte, err error) {
	signer, key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, newTemplate(s), ca.certificate, signer.Public(), ca.key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key, nil
}

func (ca *authority) writeKubeconfig(c *cluster, file string, user subject) error {
	certificate, key, err := ca.issue(user)
	if err != nil {
		return err
	}
	context := "companion-cluster-" + c.Name
	return clientcmd.WriteToFile(api.Config{
		Clusters:       map[string]*api.Cluster{context: {Server: c.apiAddress(), CertificateAuthorityData: ca.pem}},
		AuthInfos:      map[string]*api.AuthInfo{context: {ClientCertificateData: certificate, ClientKeyData: key}},
		Contexts:       map[string]*api.Context{context: {Cluster: context, AuthInfo: context}},
		CurrentContext: context,
	}, c.path(file))
}

func newKey() (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func newTemplate(s subject) *x509.Certificate {
	// 62 random bits are enough for the few certificates of one authority.
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: s.name},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     s.hosts,
	}
	if s.group != "" {
		template.Subject.Organization = []string{s.group}
	}
	for _, address := range s.addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	return template
}
