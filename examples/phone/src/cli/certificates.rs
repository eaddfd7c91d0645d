//! `yinqiao-phone certificates` and `carry`

use std::process::ExitCode;

use clap::Args;

use yinqiao_phone::{CertificateSummary, Phone};

use super::{CliError, PinInput, show};

/// Take the encryption keys of an older certificate over to a newer one.
#[derive(Args, Debug)]
pub struct Carry {
    /// Serial number of the older signing certificate.
    #[arg(long, value_name = "SERIAL")]
    from: String,
    /// Serial number of the newer signing certificate.
    #[arg(long, value_name = "SERIAL")]
    to: String,
    /// With --pin-stdin the older PIN comes first, then the newer.
    #[command(flatten)]
    pin: PinInput,
}

impl Carry {
    pub fn run(self, phone: &Phone, json: bool) -> Result<ExitCode, CliError> {
        let from = self.pin.pin("PIN of the older certificate: ")?;
        let to = self.pin.pin("PIN of the newer certificate: ")?;
        print(&phone.carry((&self.from, &from), (&self.to, &to))?, json)?;
        Ok(ExitCode::SUCCESS)
    }
}

pub fn list(phone: &Phone, json: bool) -> Result<ExitCode, CliError> {
    for certificate in phone.certificates()? {
        print(&certificate, json)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn print(certificate: &CertificateSummary, json: bool) -> Result<(), CliError> {
    if json {
        return show::json(certificate);
    }
    let enterprise = certificate.holder.enterprise.as_ref();
    println!("{}", certificate.serial);
    println!("  holder      {}", certificate.holder.name);
    if let Some(enterprise) = enterprise {
        println!("  company     {} ({})", enterprise.name, enterprise.unified_social_credit_code);
    }
    println!("  issued by   {}", certificate.certificate_authority);
    println!("  valid       {} to {}", certificate.not_before, certificate.not_after);
    println!("  broker      {}", certificate.broker);
    match certificate.encryption_serials.as_slice() {
        [] => println!("  decrypts    nothing: it is for signing only"),
        serials => println!("  decrypts    {}", serials.join(" ")),
    }
    println!("  PIN tries   {} left", certificate.tries_left);
    Ok(())
}
