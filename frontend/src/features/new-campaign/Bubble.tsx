import { Fragment, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CheckCheckIcon, ImageOffIcon } from '../../components/icons';
import { marked, type Piece } from './message/marks';
import classes from './NewCampaign.module.css';

const TAGS = { bold: 'strong', italic: 'em', struck: 's', mono: 'code' } as const;

/** A message as WhatsApp shows it to the one who sent it. */
export function Bubble({ text, imageUrl }: { text: string; imageUrl?: string }) {
  return (
    <div className={classes.bubble}>
      {imageUrl !== undefined && imageUrl !== '' && <Picture key={imageUrl} address={imageUrl} />}
      <div className={classes.text}>{pieces(marked(text))}</div>
      <div className={classes.time} aria-hidden>
        09:41 <CheckCheckIcon size={14} />
      </div>
    </div>
  );
}

function Picture({ address }: { address: string }) {
  const { t } = useTranslation('new-campaign');
  const [fails, setFails] = useState(false);
  if (!/^https:\/\//i.test(address) || fails) {
    return (
      <div className={classes.noPicture}>
        <ImageOffIcon size={18} aria-hidden />
        {t(fails ? 'preview.imageFails' : 'preview.imageNotShown')}
      </div>
    );
  }
  return (
    <img
      src={address}
      alt={t('preview.image')}
      className={classes.picture}
      referrerPolicy="no-referrer"
      onError={() => {
        setFails(true);
      }}
    />
  );
}

function pieces(list: readonly Piece[]): ReactNode {
  return list.map((piece, at) => {
    if (typeof piece === 'string') return <Fragment key={at}>{piece}</Fragment>;
    const Tag = TAGS[piece.mark];
    return <Tag key={at}>{pieces(piece.pieces)}</Tag>;
  });
}
